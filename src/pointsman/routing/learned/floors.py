"""Where a tier is too little whatever the difficulty says: rules about the kind of work, apart from what is learned.

The kinds are those where models of a frontier's size are worth their price: changes across many files, long texts in
one voice, reports from many sources, more than 50,000 tokens at once, agents that work for long. Asking for a tool
rightly needs more than the smallest models as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.assessment import Assessment
    from pointsman.core.decision import PromptFeatures

LONG_CONTEXT_TOKENS: Final = 50_000
LONG_TEXT_TOKENS: Final = 1_500
"""A text in one voice is long from here on, in the tokens expected of the answer."""

FLOORS: Final[Mapping[str, Tier]] = {
    "tools": Tier.MEDIUM,
    "agents": Tier.REASONING,
    "refactoring": Tier.REASONING,
    "long-writing": Tier.REASONING,
    "research": Tier.REASONING,
    "long-context": Tier.REASONING,
}
"""By kind of task; `tools` holds wherever tools are offered, `long-context` by the tokens alone.

`research` is also what merges several models' answers.
"""

_MERGING: Final = "You have been provided with a set of responses from various models to the latest user query:"
"""How Open WebUI asks for one answer out of several models'."""
_TOO_EASY: Final = 0.9
"""What the smallest tier does with such a chance is no work of that kind, whatever its words."""


def floor_of(features: PromptFeatures, found: Assessment, floors: Mapping[str, Tier]) -> tuple[Tier, str] | None:
    """The lowest tier that may take it, and why; None where no rule speaks."""
    spoken = [
        (floors[name], why)
        for name, why in (
            ("tools", "tools are offered" if features.n_tools else ""),
            ("long-context", _long_context(features)),
            ("research", "several answers become one" if features.ask.startswith(_MERGING) else ""),
            (found.kind, _kind(found)),
        )
        if why and name in floors
    ]
    return max(spoken, key=lambda one: one[0].rank, default=None)


def _long_context(features: PromptFeatures) -> str:
    tokens = features.estimated_input_tokens
    return f"{tokens:,} tokens at once" if tokens > LONG_CONTEXT_TOKENS else ""


def _kind(found: Assessment) -> str:
    if found.kind in {"tools", "long-context"} or found.chances[0] >= _TOO_EASY:
        return ""
    if found.kind == "long-writing" and found.output_tokens < LONG_TEXT_TOKENS:
        return ""
    return f"work of the kind {found.kind!r}"
