"""The same prompt said a little otherwise, to see whether a router stays with its choice.

| way | what it does |
| --- | --- |
| typos | swaps two neighbouring letters in about one word of twelve, one at least |
| lower | writes everything small |
| polite | a greeting before and thanks behind |
| spaced | doubles the spaces, and a blank line at the end |

None of them changes what is asked. They are lighter than a paraphrase by a person: see `variant_of` for those.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from pointsman.evals.datasets import Row

_WORD = re.compile(r"[^\W\d_]{4,}")
_WORDS_PER_TYPO = 12


def with_variants(rows: Sequence[Row], seed: int) -> tuple[Row, ...]:
    """*rows* and one variant of each prompt among them, its way drawn at random; the same for the same seed.

    Rows of messages, and rows that are variants already, get none. Nor does a prompt that the way leaves as it is.
    """
    chance = random.Random(seed)  # noqa: S311  a sample for statistics
    made = []
    for row in rows:
        if row.variant_of is not None or "prompt" not in row.request:
            continue
        way = chance.choice(list(WAYS))
        text = WAYS[way](row.text, chance)
        if text != row.text:
            request = {**row.request, "prompt": text}
            made.append(Row(id=f"{row.id} ({way})", request=request, text=text, source=row.source, variant_of=row.id))
    return (*rows, *made)


def typos(text: str, chance: random.Random) -> str:
    """*text* with neighbouring letters swapped, never a word's first one."""
    words = list(_WORD.finditer(text))
    letters = list(text)
    for word in chance.sample(words, min(len(words), 1 + len(words) // _WORDS_PER_TYPO)):
        at = chance.randrange(word.start() + 1, word.end() - 1)
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


WAYS: Mapping[str, Callable[[str, random.Random], str]] = {
    "typos": typos,
    "lower": lambda text, _chance: text.lower(),
    "polite": lambda text, _chance: f"Hi there! Could you please help me with this?\n\n{text}\n\nThank you very much!",
    "spaced": lambda text, _chance: text.replace(" ", "  ") + "\n\n",
}
