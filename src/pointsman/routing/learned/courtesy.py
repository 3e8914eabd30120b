"""Greetings before an ask and thanks behind it: they say nothing of how hard it is, and are taken off.

A sentence goes when it is made of courtesies alone, and something is left without it.
"""

from __future__ import annotations

import re
from typing import Final

MOST_SENTENCES: Final = 4
_LOOK: Final = 240  # characters a courtesy may have

_SENTENCE: Final = re.compile(r"[^.!?\u3002\uff01\uff1f\n]{0,240}[.!?\u3002\uff01\uff1f\n]+\s*")
_ENDS: Final = ".!?\u3002\uff01\uff1f\n"
_WORDS: Final = re.compile(r"[^\W\d_]+")
_DIGITS: Final = re.compile(r"\d")

_TEXT: Final = (
    # English
    "hi hello hey hiya there dear greetings good morning afternoon evening day everyone all friend sir madam team i "
    "hope you re are is doing well fine great having a an wonderful nice lovely this finds your yours my could would "
    "can will please kindly help me us with something question quick small favor favour need have got thanks thank thx "
    "ty cheers so very much many lot lots in advance again for the time really appreciate it appreciated be if don t "
    "mind trouble not too possible wondering was just one more regards best sincerely "
    # German
    "hallo guten tag morgen abend liebe lieber zusammen bitte danke dank vielen herzlichen im voraus schönen grüße "
    "freundlichen mit könntest du könnten sie mir helfen dabei "
    # French
    "bonjour bonsoir salut cher chère merci beaucoup d avance s il vous te plaît pourriez pourrais tu m aider avec "
    "cordialement "
    # Spanish, Portuguese, Italian
    "hola buenos buenas días tardes noches gracias muchas por favor de antemano puedes podrías ayudarme con esto olá "
    "oi bom boa dia tarde noite obrigado obrigada muito pode ajudar isso ciao grazie mille "
    # Russian, Chinese, Japanese, Korean
    "привет здравствуйте спасибо большое пожалуйста заранее "
    "你好 您好 谢谢 非常感谢 多谢 こんにちは ありがとうございます よろしくお願いします 안녕하세요 감사합니다"
)
_COURTESIES: Final = frozenset(_TEXT.split())


def without_courtesies(text: str) -> str:
    """*text* without courtesies at its ends; as it is when it holds nothing else."""
    start, end = 0, len(text)
    for _ in range(MOST_SENTENCES):
        found = _SENTENCE.match(text, start)
        if found is None or not _is_courtesy(found[0]):
            break
        start = found.end()
    for _ in range(MOST_SENTENCES):
        last = len(text[start:end].rstrip().rstrip(_ENDS)) + start
        begin = max([text.rfind(sign, max(start, last - _LOOK), last) for sign in _ENDS])
        if begin < 0 or not _is_courtesy(text[begin + 1 : end]):
            break
        end = begin + 1
    kept = text[start:end].strip()
    return kept or text


def _is_courtesy(sentence: str) -> bool:
    first = _WORDS.search(sentence)  # it settles most
    if first is None or first[0].lower() not in _COURTESIES:
        return False
    return _COURTESIES.issuperset(_WORDS.findall(sentence.lower())) and _DIGITS.search(sentence) is None
