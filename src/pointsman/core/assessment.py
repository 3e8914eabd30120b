"""What a classifier expects of a request: what kind of task it is, how hard, how long, and who would do it well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Tier
from pointsman.core.values import value_type

TARGET: Final = 0.7
"""The chance of a good answer that is asked of a tier, where nothing else is configured."""

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject


@value_type
class Assessment:
    """One request, judged without asking a model."""

    kind: str  # a task of the cheat sheet, such as "coding"
    difficulty: float  # logits, on the scale of abilities: a model of this ability answers well half the time
    chances: tuple[float, float, float, float]  # of a good answer, by tier, cheapest first; 0..1
    output_tokens: int  # expected
    familiarity: float  # 0..1: how much of it the classifier has seen the like of

    def to_json(self) -> JsonObject:
        """As decisions show it: figures rounded, chances by tier."""
        return {
            "kind": self.kind,
            "difficulty": round(self.difficulty, 3),
            "chances": {tier.value: round(chance, 3) for tier, chance in zip(Tier, self.chances, strict=True)},
            "output_tokens": self.output_tokens,
            "familiarity": round(self.familiarity, 3),
        }
