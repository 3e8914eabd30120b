"""From an inbound request to its decision: features, privacy, chain, selection."""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pointsman.core.catalog import AUTO, Operation, Tier
from pointsman.core.decision import Decision, RoutingContext
from pointsman.core.errors import NoModelAvailable, UnknownModel
from pointsman.core.preset import PREFIX
from pointsman.core.values import value_type
from pointsman.engine import modality
from pointsman.engine.context_size import ContextSizes
from pointsman.engine.preset import applied
from pointsman.engine.steer import steered
from pointsman.resilience.context_book import ContextBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.chat import ChatRequest, EmbeddingRequest
    from pointsman.core.decision import Pick, PromptFeatures, Step
    from pointsman.core.preset import Preset
    from pointsman.core.session import Pin
    from pointsman.engine.consent import Consents
    from pointsman.engine.escalation import Escalations
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.swap import SwapAware
    from pointsman.privacy.policy import PrivacyPolicy
    from pointsman.resilience.availability import Availability
    from pointsman.routing.chain import Chain
    from pointsman.routing.select import Selection, Selector
    from pointsman.routing.sessions.memory import Sessions


_IN_SESSIONS = frozenset((Operation.CHAT, Operation.COUNT_TOKENS))


@value_type
class Resolved:
    """A decision and what it was made from."""

    decision: Decision
    features: PromptFeatures
    open_models: Mapping[str, ModelCard]


def _new_sizes() -> ContextSizes:
    return ContextSizes(book=ContextBook(clock=time.monotonic))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Decides without calling anybody. `clock` is monotonic seconds, `new_id` gives a fresh decision id."""

    catalog: Catalog
    chain: Chain
    selector: Selector
    policy: PrivacyPolicy
    health: Availability
    consents: Consents
    features_of: Callable[[ChatRequest | EmbeddingRequest], PromptFeatures]
    new_id: Callable[[], str]
    clock: Callable[[], float]
    standard_model: str = AUTO  # what a request without a model, or with an unknown one, means
    refuse_unknown_models: bool = False
    sizes: ContextSizes = field(default_factory=_new_sizes)
    escalations: Escalations | None = None  # None: no agent has rules, and none is raised
    sessions: Sessions | None = None  # None: each request stands alone
    memory: SwapAware | None = None  # None: the runtimes decide themselves what they hold

    async def decide(self, inbound: Inbound, decision_id: str | None = None) -> Resolved:
        """The decision for *inbound*; a Refused, RequestError or NoModelAvailable when there is none."""
        began = self.clock()
        asked = inbound.request.model
        warnings = self._check_name(asked)
        features = self.features_of(inbound.request)
        key, pin = self._session_of(inbound, features)
        context = RoutingContext(
            requested_model=asked if asked is not None and not warnings else self.standard_model,
            operation=inbound.operation,
            features=features,
            caller=inbound.caller,
            privacy=self.policy.privacy_of(inbound.caller),
            open_models=self.chain.all_open(self.catalog.models),
            pin=pin,
        )
        verdict = await self.chain.decide(context, self.catalog.models)
        pick, context = verdict.pick, verdict.context
        if pick is None:
            message = "No model is configured."
            raise NoModelAvailable(message, hint="Add one: see `pointsman config init`.")
        notes: tuple[Step, ...] = ()
        if self.escalations is not None and self.escalations.concern(inbound, features):
            pick, notes = self.escalations.adjusted(pick, verdict.strategy, inbound, features)
            pick = replace(pick, card=None) if notes and pick.card is not None else pick
        selection, preferred = self._selected(pick, context)
        chosen = context.open_models[selection.candidates[0]]
        decision = Decision(
            id=decision_id or self.new_id(),
            asked=asked,
            operation=inbound.operation,
            candidates=selection.candidates,
            model=selection.model,
            tier=selection.tier,
            strategy=verdict.strategy,
            reason=pick.reason,
            score=pick.score,
            confidence=pick.confidence,
            privacy=context.privacy,
            struck=context.struck,
            trail=(*verdict.trail, *notes, *selection.notes, *self._facts(chosen, inbound, features)),
            elapsed_us=round((self.clock() - began) * 1e6, 1),
            router=pick.router,
            is_explicit=pick.is_explicit,
            is_utility=pick.is_utility,
            preferred=preferred,
            is_demo=chosen.is_demo,
            assessment=pick.assessment,
            warnings=warnings,
        )
        if key is not None and self.sessions is not None and not inbound.is_dry_run:
            is_named = inbound.caller.session is not None
            self.sessions.keep(key, pin, pick, decision, features.estimated_input_tokens, is_named=is_named)
        return Resolved(decision=decision, features=features, open_models=context.open_models)

    def _facts(self, chosen: ModelCard, inbound: Inbound, features: PromptFeatures) -> tuple[Step, ...]:
        """What the chosen model does not get as it was sent."""
        found = self.sizes.note(chosen, inbound.operation, features)
        return (*found, *modality.note(chosen, features)) if features.has_earlier_images else found

    def _session_of(self, inbound: Inbound, features: PromptFeatures) -> tuple[bytes | None, Pin | None]:
        """What the request's session is remembered by and where it stands; neither where that is no matter."""
        if self.sessions is None or inbound.operation not in _IN_SESSIONS or features.is_housekeeping:
            return None, None
        if inbound.request.model in self.catalog.pools:
            return None, None
        key = self.sessions.key_of(inbound.request, inbound.caller)
        return key, self.sessions.find(key, inbound.caller, features) if key is not None else None

    def prepared(self, inbound: Inbound) -> Inbound:
        """*inbound* with what its preset sets, if it asks for one and is no errand of the program around it."""
        preset = self._preset_of(inbound.request.model)
        if preset is None or self.features_of(inbound.request).is_housekeeping:
            return inbound
        return applied(inbound, preset)

    def _preset_of(self, asked: str | None) -> Preset | None:
        catalog = self.catalog
        if asked is not None and (asked == AUTO or asked in catalog.pools):
            return None
        if asked is not None and (found := catalog.preset_of(asked)) is not None:
            return found
        if self.standard_model == AUTO or (asked is not None and self.is_known(asked)):
            return None
        return catalog.preset_of(self.standard_model)

    def _selected(self, pick: Pick, context: RoutingContext) -> tuple[Selection, str | None]:
        """The order of the models for *pick*: by memory, then by health; and who would be first if it were well."""
        selection = self.selector.select(pick, context.open_models, context.struck)
        if self.memory is not None and not pick.is_explicit and pick.card != selection.candidates[0]:
            choose = self.memory.for_errand if pick.is_utility else self.memory.reordered
            selection = choose(selection, context.open_models, context.features)
        said = self.consents.of(context.caller)
        if said is None and self.health.is_all_well:
            return selection, None
        return steered(selection, context.open_models, catalog=self.catalog, health=self.health, said=said)

    def _check_name(self, asked: str | None) -> tuple[str, ...]:
        """A warning for a name nobody configured; UnknownModel where the configuration says so."""
        if asked is None or self.is_known(asked):
            return ()
        if self.refuse_unknown_models:
            message = f"The model {asked[:200]!r} does not exist."
            hint = self._nearest_preset(asked) or "See /v1/models for the names there are."
            raise UnknownModel(message, hint=hint, param="model")
        near = self._nearest_preset(asked)
        taken = f"model {asked[:200]!r} is not configured; {self.standard_model!r} took the request"
        return (f"{taken}. {near}" if near else taken,)

    def _nearest_preset(self, asked: str) -> str:
        """Which preset was probably meant by a name that says there is one; nothing for other names."""
        if not asked.startswith(PREFIX):
            return ""
        near = difflib.get_close_matches(asked[:200], self.catalog.presets, n=1, cutoff=0.6)
        names = near or list(self.catalog.presets)[:8]
        said = ", ".join(map(repr, names))
        return f"Did you mean {said}?" if near else f"There are {said}." if names else ""

    def is_known(self, name: str) -> bool:
        """Whether *name* is a model, an alias, a router, a preset, or a tier."""
        resolved = self.catalog.resolve(name)
        return (
            resolved in self.catalog.pools
            or resolved in self.catalog.routers_by_name
            or resolved in self.catalog.presets
            or resolved == AUTO
            or Tier.parse(name) is not None
            or Tier.parse(resolved) is not None
        )
