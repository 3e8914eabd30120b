"""What only goes on, agrees or thanks, in the languages people write; and what looks like it but asks something."""

# ruff: noqa: E501 - an ask a word
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing.sessions.follow_up import MOST_CHARS, is_follow_up

FOLLOW_UPS = """
continue|Continue.|CONTINUE!!|go on|Go ahead, please|yes, do it|Yes — do that.|yep|ok|OK 👍|👍|thanks!|Thank you so much!!|ty
let’s do it|sounds good, go ahead|no, thanks|2|?|...|please|perfect, thanks, next
weiter|Ja, bitte mach das|danke schön!|los geht's|in Ordnung
oui, vas-y|continue s'il te plaît|oui, s'il vous plaît|d’accord, continue|merci beaucoup|sí, hazlo|¡Adelante!|muchas gracias|sim, pode continuar|obrigada
sì, vai avanti|grazie mille|ja, ga verder|dank je wel|tak, zrób to|dziękuję|да, давай|продолжай, пожалуйста|Спасибо большое!
так, зроби це|fortsätt|tack så mycket|devam et|evet, yap lütfen|teşekkürler|ναι, συνέχισε
继续|好的，谢谢|是的。|続けてください|はい、お願いします。|ありがとうございます！|네, 계속해 주세요|감사합니다
ok thanks, continue|yes please proceed|that works|yes that's fine|ok mach das|klingt gut|oui merci|continue stp|ok procedi
sim, pode fazer|давай, делай|继续吧|好的，请这样做|それでお願いします|네 그렇게 해주세요|tamam devam|ja, graag|نعم من فضلك|कृपया जारी रखें
نعم، استمر|شكرا جزيلا|כן, תמשיך|ادامه بده|हाँ, जारी रखो|धन्यवाद।|ধন্যবাদ|ขอบคุณครับ|tiếp tục|terima kasih
"""
ASKS = """
continue with the proof of lemma 3|yes, but use Rust|ok now rewrite it in Go|thanks, now explain why|go on and fix the bug
why|what|hello|hi there|write a poem|no, the other file|fix it|do it in German|2024|1+1=2 why|ja aber anders
ok thanks now explain why|yes do it in Rust|no that is wrong|ok mach das Fenster zu|oui merci de traduire ceci|so what
继续写第二章|はい、でも違う|да, но иначе|oui mais en anglais|next.js
"""


def pieces(text: str) -> list[str]:
    """What stands between bars and line ends."""
    return [one for line in text.strip().splitlines() for one in line.split("|")]


@pytest.mark.parametrize("ask", pieces(FOLLOW_UPS))
def test_a_follow_up_is_known(ask: str) -> None:
    """By its pieces, whatever the signs around them."""
    assert is_follow_up(ask)


@pytest.mark.parametrize("ask", pieces(ASKS))
def test_an_ask_is_no_follow_up(ask: str) -> None:
    """However short it is, and however it begins."""
    assert not is_follow_up(ask)


def test_nothing_and_long_texts_are_none() -> None:
    """No time is taken for them."""
    assert not is_follow_up("")
    assert not is_follow_up("yes " * (MOST_CHARS // 4 + 1))


@given(st.text(max_size=80))
def test_any_text_has_an_answer(text: str) -> None:
    """Never an error."""
    assert is_follow_up(text) in (True, False)
