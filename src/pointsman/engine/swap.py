"""Choosing with the memory in mind: what is loaded already, what a load would cost, and whom it would put out.

Of two models that may answer, the one that is in memory is taken when its slower answer costs less time than the
other's load. What would put out a pinned model goes to the cloud, where the request may go there; else it waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.decision import Outcome, Step
from pointsman.core.local import Presence
from pointsman.local.planner import Room
from pointsman.routing.select import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pointsman.core.catalog import ModelCard, Tier
    from pointsman.core.decision import PromptFeatures
    from pointsman.engine.residency import Residency

STRATEGY = "memory"
TYPICAL_OUTPUT_TOKENS = 300
DEVICE_BYTES_PER_S = 300_000_000_000  # a 24 GB card: 3B 80, 7B 60, 32B 18 tokens/s; each token reads all weights
MEMORY_BYTES_PER_S = 20_000_000_000  # a desktop's RAM


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapAware:
    """Reorders a selection by what is in memory.

    How fast a model answers is learned; until it has answered, `bytes_per_s` is what the device reads its weights with.
    """

    residency: Residency
    tier_of: Callable[[str], Tier | None]
    bytes_per_s: float = DEVICE_BYTES_PER_S

    def reordered(
        self, selection: Selection, open_models: Mapping[str, ModelCard], features: PromptFeatures
    ) -> Selection:
        """*selection*, or another first candidate that answers sooner, with a line in its notes."""
        wanted = open_models[selection.candidates[0]]
        scheduler = self.residency.scheduler
        if not self.residency.manages(wanted) or scheduler.presence(wanted.id) is not Presence.ABSENT:
            return selection
        if scheduler.verdict(wanted.id) is Room.NEVER:
            cloud = next((one for one in selection.candidates if not open_models[one].is_local), None)
            if cloud is None:
                return selection
            why = f"{wanted.id} would put out pinned models, so {cloud} is asked"
            return _first(selection, cloud, open_models, why)
        return self._loaded_instead(selection, open_models, features, wanted)

    def for_errand(
        self, selection: Selection, open_models: Mapping[str, ModelCard], features: PromptFeatures
    ) -> Selection:
        """*selection* with the first local model that is in memory: nothing is loaded, or put out, for an errand."""
        if self._is_ready(open_models[selection.candidates[0]]):
            return selection
        ready = next((one for one in selection.candidates if self._is_ready(open_models[one], local=True)), None)
        if ready is None:
            return self.reordered(selection, open_models, features)
        why = f"{ready} is in memory, and {selection.candidates[0]} is not loaded for an errand"
        return _first(selection, ready, open_models, why)

    def _is_ready(self, card: ModelCard, *, local: bool = False) -> bool:
        """Whether nothing has to be loaded for *card*; with *local*, whether it is in this machine's memory as well."""
        if not self.residency.manages(card):
            return not local
        return self.residency.scheduler.presence(card.id) is Presence.LOADED

    def _loaded_instead(
        self,
        selection: Selection,
        open_models: Mapping[str, ModelCard],
        features: PromptFeatures,
        wanted: ModelCard,
    ) -> Selection:
        wait_s = self.residency.scheduler.wait_s(wanted.id)
        tokens = min(features.max_output_tokens or TYPICAL_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS)
        for card_id in self._sufficient(selection, open_models):
            card = open_models[card_id]
            if not self.residency.manages(card) or self.residency.scheduler.presence(card_id) is not Presence.LOADED:
                continue
            extra_s = tokens * (self._token_s(card_id) - self._token_s(wanted.id))
            if extra_s < wait_s:
                why = f"{card_id} is in memory and answers sooner than {wanted.id} loads ({wait_s:.1f} s)"
                return _first(selection, card_id, open_models, why)
        return selection

    def _sufficient(self, selection: Selection, open_models: Mapping[str, ModelCard]) -> Sequence[str]:
        """The candidates that can do at least as much: those of the same tier and above."""
        needed = selection.tier
        if needed is None:
            return ()
        found = []
        for card_id in selection.candidates[1:]:
            if card_id in selection.unfit:
                continue
            tier = self.tier_of(open_models[card_id].name)
            if tier is not None and tier.rank >= needed.rank:
                found.append(card_id)
        return found

    def _token_s(self, card_id: str) -> float:
        """Seconds a token: as its answers have shown, else what reading all its weights takes."""
        scheduler = self.residency.scheduler
        learned = scheduler.tokens_per_s(card_id)
        return 1 / learned if learned is not None else scheduler.size_bytes(card_id) / self.bytes_per_s


def _first(selection: Selection, card_id: str, open_models: Mapping[str, ModelCard], why: str) -> Selection:
    """*selection* with *card_id* before the others."""
    others = tuple(one for one in selection.candidates if one != card_id)
    name = open_models[card_id].name
    return Selection(
        candidates=(card_id, *others),
        model=name,
        tier=selection.tier if name == selection.model else None,
        notes=(*selection.notes, Step(strategy=STRATEGY, outcome=Outcome.CLIMBED, detail=why)),
    )
