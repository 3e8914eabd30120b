# ruff: noqa: RUF001 - signs that look like others are what is tried here
"""Prompts that press on every rule of the complexity score: made from a seed, the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable

from pointsman.routing.complexity import vocabulary

_FILLER = (
    "please",
    "the",
    "report",
    "about",
    "our",
    "garden",
    "needs",
    "a",
    "second",
    "look",
    "before",
    "noon",
    "because",
    "rain",
    "is",
    "expected",
    "and",
    "somebody",
    "left",
    "gate",
    "open",
    "near",
    "capital",
    "terrorism",
    "apiary",
    "classic",
    "deft",
    "letter",
    "variable",
    "importer",
    "returned",
    "classy",
    "hint",
    "hidden",
    "shorter",
    "quickly",
    "simplest",
    "brieflyness",
    "memoryless",
    "containers",
    "errors",
    "requests",
    "branches",
)
_OTHER_SCRIPTS = (
    "请一步一步证明这个定理并解释原因",
    "私は明日の天気を知りたいです",
    "다음 함수를 최적화해 주세요",
    "Докажи теорему о неполноте, шаг за шагом",
    "اشرح لي خوارزمية الفرز",
    "Démontre le théorème, étape par étape",
    "Was ist die kürzeste Erklärung dafür?",
    "İSTANBUL ΌΔΟΣ STRAẞE ﬁrst ﬅep",
    "🙂 hello 👩‍💻 api",
    "\u202ehi\u202c \u00a0what\u00a0is",
)
_SHAPES = (
    "First do this, then that",
    "first\nthen",
    "firsthen",
    "f\u0131r\u017ft x then y",
    "the last first of all\nand then first thing",
    "Step 1: mix. Step 2: bake.",
    "step\u00a0\u0663",
    "\u017ftep 4",
    "1. one\n2. two\n",
    "version 3.14 of it",
    "\u0661. eins",
    "a) yes b) no ",
    "\u0131) odd ",
    "\u212a) kelvin ",
    "f(x) is",
    "what's up",
    "what’s up",
    "whats up",
    "somewhat island",
    "api_key api-key API's xapi apix",
    "c++ node.js",
    "???",
    "????",
    "？？？？",
)
_CODE = (
    "```python\nasync def f(x):\n    return await g(x)\n```",
    "const a = () => { try { return b } catch (e) {} }",
    "SELECT * FROM t WHERE schema = 'x';",
    "git commit -m 'merge branch'",
)


def prompts(count: int, seed: int = 20261121) -> list[str]:
    """*count* prompts: the fixed shapes first, then random mixes of words, shapes, scripts, code and lengths."""
    keywords = (
        vocabulary.CODE_KEYWORDS
        + vocabulary.REASONING_KEYWORDS
        + vocabulary.TECHNICAL_KEYWORDS
        + vocabulary.SIMPLE_KEYWORDS
    )
    fixed = ["", " ", "\n\t", "?", ".", *keywords, *_OTHER_SCRIPTS, *_SHAPES, *_CODE]
    fixed += [size * "ab c" for size in (14, 15, 16, 399, 400, 401)] + [59 * "x", 60 * "x", 1603 * "x", 1604 * "x"]
    fixed += ["first " * 500, "1" * 3_000, "step " * 500, "<system-reminder>" * 100, "\ud800 lone surrogate hi"]
    draw = random.Random(seed)
    makers = (_mix, _mix, _mix, _lines, _list, _long)
    return (fixed + [draw.choice(makers)(draw, keywords) for _ in range(max(0, count - len(fixed)))])[:count]


Maker = Callable[[random.Random, tuple[str, ...]], str]


def _mix(draw: random.Random, keywords: tuple[str, ...]) -> str:
    words = [draw.choice(_FILLER) for _ in range(draw.choice((0, 3, 10, 30)))]
    words += [_cased(draw, draw.choice(keywords)) for _ in range(draw.choice((0, 1, 1, 2, 3, 4, 6)))]
    words += [draw.choice(_SHAPES + _OTHER_SCRIPTS + _CODE) for _ in range(draw.choice((0, 0, 0, 1, 2)))]
    draw.shuffle(words)
    glue = draw.choice((" ", " ", " ", ", ", "_", "-", "\n", "\u3000", "/", ". "))
    return glue.join(words) + "?" * draw.choice((0, 0, 1, 3, 4, 9))


def _lines(draw: random.Random, keywords: tuple[str, ...]) -> str:
    return draw.choice(("\n", "\r\n", "\r", "\u2028", "\x0b")).join(_mix(draw, keywords) for _ in range(3))


def _list(draw: random.Random, keywords: tuple[str, ...]) -> str:
    sign = draw.choice(("{}. ", "{}) ", "{}.", "Step {}: ", "- ", "({}) ", "{}.\u00a0"))
    return "\n".join(sign.format(number) + _mix(draw, keywords) for number in range(1, draw.randint(2, 6)))


def _long(draw: random.Random, keywords: tuple[str, ...]) -> str:
    return " ".join(_mix(draw, keywords) for _ in range(draw.randint(5, 60)))


def _cased(draw: random.Random, word: str) -> str:
    return draw.choice((word, word, word.upper(), word.title(), word + "s", "x" + word, f"({word})", f"{word}."))
