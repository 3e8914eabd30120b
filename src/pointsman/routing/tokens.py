"""How many tokens a prompt is, before it is sent: its signs counted once, weighed for each family of tokenizers.

"Hello there!" is 9 small letters, 1 blank and 2 other signs; for gpt-4o 9·0.14 + 0.43 + 2·0.48 = 2.65, so 3 tokens.

Of a long text the first HEAD characters are counted, and after them the BLOCK in the middle of every STRIDE. More text
is never fewer tokens. Knows no request and no card: names and figures in, figures out.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type
from pointsman.routing import token_weights

if TYPE_CHECKING:
    from pointsman.core.decision import PromptFeatures

HEAD: Final = 2048
BLOCK: Final = 32
STRIDE: Final = 256

MARGIN: Final = 0.25
"""A prompt estimated at 1 / (1 + MARGIN) of a window fits it: so measured for 94 % and more of all long prompts."""

WORTH_COUNTING: Final = 512
"""Roughly estimated tokens below which signs are not counted: such a prompt fits any window."""


class Family(StrEnum):
    """Whose tokenizer a model has, as far as it is known here."""

    O200K = "o200k"  # GPT-4o and later
    CL100K = "cl100k"  # GPT-4, GPT-3.5, OpenAI's embeddings
    CLAUDE = "claude"
    GEMINI = "gemini"  # and Gemma
    LLAMA3 = "llama3"
    LLAMA2 = "llama2"  # and Mistral's before Tekken
    QWEN = "qwen"
    TEKKEN = "tekken"  # Mistral's
    DEEPSEEK = "deepseek"
    UNKNOWN = "unknown"


@value_type
class Weights:
    """What things cost one family. `signs` are hundredths of a token for each of `token_weights.KINDS`.

    The rest are whole tokens. An image is taken to be of 1024 x 1024 pixels, by its maker's formula; those of unknown
    makers to cost as much as most do.
    """

    signs: tuple[int, ...]
    message: int = 5
    tool: int = 8
    tools_once: int = 0  # what a template or an API says to a model about tools in general
    image: int = 1_400


WEIGHTS: Final = {
    Family.O200K: Weights(signs=token_weights.O200K, message=4, image=765),
    Family.CL100K: Weights(signs=token_weights.CL100K, message=4, image=765),
    Family.CLAUDE: Weights(signs=token_weights.CLAUDE, tools_once=346, image=1_398),
    Family.GEMINI: Weights(signs=token_weights.GEMINI, image=1_032),
    Family.LLAMA3: Weights(signs=token_weights.LLAMA3, tools_once=120, image=1_601),
    Family.LLAMA2: Weights(signs=token_weights.LLAMA2),
    Family.QWEN: Weights(signs=token_weights.QWEN, tools_once=120, image=1_369),
    Family.TEKKEN: Weights(signs=token_weights.TEKKEN, image=4_160),
    Family.DEEPSEEK: Weights(signs=token_weights.DEEPSEEK, tools_once=120),
    Family.UNKNOWN: Weights(signs=token_weights.UNKNOWN, tools_once=120),
}

_NAMES: Final = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"gpt-oss|gpt-?(?:4o|4\.1|4\.5|[5-9])|chatgpt|\bo[1-9]\b|codex|phi-?4-mini", Family.O200K),
        (r"gpt-?(?:4|3\.5|35)|text-embedding-(?:3|ada)|phi-?4", Family.CL100K),
        (r"claude", Family.CLAUDE),
        (r"gemini|gemma", Family.GEMINI),
        (r"llama-?2|codellama|vicuna|phi-?3|mixtral|(?<!i)mistral[-:]7b|tinyllama|zephyr", Family.LLAMA2),
        (r"llama", Family.LLAMA3),  # before DeepSeek: distilled models keep the tokenizer of what they were
        (r"qwen|qwq|qvq", Family.QWEN),
        (r"deepseek-r1:(?:1\.5|7|14|32)b", Family.QWEN),
        (r"deepseek-r1:(?:8|70)b", Family.LLAMA3),
        (r"deepseek", Family.DEEPSEEK),
        (r"mistral|ministral|magistral|devstral|codestral|pixtral|voxtral", Family.TEKKEN),
    )
)


@lru_cache(maxsize=4096)
def family_of(model: str) -> Family:
    """The family of the model that an endpoint calls *model*; UNKNOWN when its name says nothing."""
    name = model.lower()
    return next((family for pattern, family in _NAMES if pattern.search(name)), Family.UNKNOWN)


def signs_of(text: str) -> tuple[int, ...]:
    """How many signs of each kind *text* has, as `token_weights.KINDS`; only the first five when it is all ASCII."""
    head = _counted(text[:HEAD])
    if len(text) <= HEAD:
        return head
    rest = _counted("".join([text[at : at + BLOCK] for at in range(_FIRST_BLOCK, len(text), STRIDE)]))
    width = max(len(head), len(rest))
    padding = (0,) * width
    return tuple(
        one + _SCALE * other for one, other in zip((head + padding)[:width], (rest + padding)[:width], strict=True)
    )


def weigh(signs: tuple[int, ...], family: Family, *, messages: int = 0, tools: int = 0, images: int = 0) -> int:
    """About how many tokens a prompt of these *signs*, *messages*, *tools* and *images* is for *family*."""
    weights = WEIGHTS[family]
    hundredths: int = sum(map(mul, signs, weights.signs))
    text = -(-hundredths // 100)
    once = weights.tools_once if tools else 0
    return text + weights.message * messages + weights.tool * tools + once + weights.image * images


def estimated_tokens(features: PromptFeatures, family: Family) -> int:
    """About how many tokens the prompt of these *features* is for *family*."""
    count = features.count
    if count is None:
        return features.estimated_input_tokens
    return weigh(count.signs, family, messages=count.messages, tools=features.n_tools, images=count.images)


_SCALE: Final = STRIDE // BLOCK
_FIRST_BLOCK: Final = HEAD + (STRIDE - BLOCK) // 2
_LETTERS: Final = bytes(range(ord("a"), ord("z") + 1))
_DIGIT, _BLANK, _LINE, _SIGN = range(1, 5)
_ASCII: Final = bytes(
    _DIGIT if chr(code).isdigit() else _BLANK if code == ord(" ") else _LINE if code in b"\t\n\r" else _SIGN
    for code in range(128)
) + bytes(128)


def _counted(text: str) -> tuple[int, ...]:
    encoded = text.encode("ascii", "ignore")
    others = encoded.translate(_ASCII, _LETTERS)
    digits, blanks, lines = others.count(_DIGIT), others.count(_BLANK), others.count(_LINE)
    pairs = text.count("  ") if blanks else 0
    found = (
        len(encoded) - len(others),
        digits,
        blanks - pairs,
        lines,
        len(others) - digits - blanks - lines,
    )
    return found if len(encoded) == len(text) else found + _foreign(text, len(encoded))


_BLOCKS: Final = (  # from the first to the last 256 characters of each kind
    ("symbol", 0x20, 0x2F),
    ("latin", 0x01, 0x02),
    ("vietnamese", 0x1E, 0x1F),
    ("greek", 0x03, 0x03),
    ("cyrillic", 0x04, 0x04),
    ("hebrew", 0x05, 0x05),
    ("arabic", 0x06, 0x07),
    ("arabic", 0xFB, 0xFD),
    ("devanagari", 0x09, 0x09),
    ("thai", 0x0E, 0x0E),
    ("hangul", 0x11, 0x11),
    ("hangul", 0xAC, 0xD7),
    ("kana", 0x30, 0x33),
    ("han", 0x34, 0x9F),
    ("han", 0xF9, 0xFA),
    ("astral", 0xD8, 0xDF),
    ("wide", 0xE0, 0xF8),
    ("wide", 0xFE, 0xFF),
)
_FIRST_FOREIGN: Final = token_weights.KINDS.index("latin")
_N_FOREIGN: Final = len(token_weights.KINDS) - _FIRST_FOREIGN


def _block_table() -> bytes:
    """For the upper byte of a UTF-16 unit the place of its kind among the foreign ones; `script` if none is named."""
    table = bytearray([token_weights.KINDS.index("script") - _FIRST_FOREIGN]) * 256
    for kind, first, last in _BLOCKS:
        place = token_weights.KINDS.index(kind) - _FIRST_FOREIGN
        table[first : last + 1] = bytes([place]) * (last + 1 - first)
    return bytes(table)


_BLOCK_OF: Final = _block_table()


def _foreign(text: str, n_ascii: int) -> tuple[int, ...]:
    units = text.encode("utf-16-be", "surrogatepass")[::2]
    above = units.translate(_BLOCK_OF, b"\0")
    latin_1 = len(units) - len(above) - n_ascii
    found = [above.count(place) for place in range(_N_FOREIGN)]
    found[0] += latin_1
    return tuple(found)
