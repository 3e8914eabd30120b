"""The composition of the local judge: which model it is, how it is asked, and its place in the chain.

Part of the composition root: `bootstrap` enters it where the configuration turns the judge on (`classifier`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.config.classifier import UNSERVED, judge_card
from pointsman.core.catalog import Tier
from pointsman.core.chat import ChatRequest
from pointsman.engine.judging import LocalModel
from pointsman.routing.judge.asking import Judge
from pointsman.routing.judge.breaker import Breaker
from pointsman.routing.judge.history import history_of
from pointsman.routing.judge.memory import Memory
from pointsman.routing.judge.rubric import FLASH, PRO, Scale
from pointsman.routing.strategies.complexity import Complexity
from pointsman.routing.strategies.learned import Learned
from pointsman.routing.strategies.local_judge import LocalJudge, Scorers

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.adapters.http.client import HttpClient
    from pointsman.config.load import Loaded
    from pointsman.config.schema_classifier import ClassifierSettings
    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import EmbeddingRequest
    from pointsman.core.decision import PromptFeatures
    from pointsman.core.ports import Provider
    from pointsman.engine.router import Router

SLOTS: Final = 4
ONE_AT_A_TIME: Final = frozenset(("gemini",))  # LiteRT-LM
OWN_TIERS: Final[Mapping[str, Tier]] = {FLASH: Tier.SIMPLE, PRO: Tier.COMPLEX, **{tier.value: tier for tier in Tier}}


def with_judge(router: Router, loaded: Loaded, client: HttpClient) -> Router:
    """*router* with the judge before its scorer; as it is where none is configured, or it is not served yet."""
    from pointsman.adapters.providers.http_provider import HttpProvider
    from pointsman.dialects.registry import UPSTREAMS

    settings = loaded.settings.classifier
    card = judge_card(settings, router.catalog)
    if card is None or card.endpoint.base_url.startswith(UNSERVED):
        return router
    own: dict[str, Provider] = {card.endpoint.name: HttpProvider(card.endpoint, client)}
    caller = replace(router.caller, providers=own | dict(router.caller.providers), upstreams=UPSTREAMS)
    judge = Judge(
        model=LocalModel(caller, card, time.time),
        name=card.name,
        scale=Scale(settings.labels),
        breaker=Breaker(clock=time.monotonic),
        memory=Memory(key=secrets.token_bytes(32), clock=time.monotonic),
        slots=_slots(settings, card),
    )
    return _judged_by(router, judge, settings)


def _judged_by(router: Router, judge: Judge, settings: ClassifierSettings) -> Router:
    decider = router.decider
    strategies = list(decider.chain.strategies)
    at = next(at for at, one in enumerate(strategies) if isinstance(one, Learned))
    scorer = Scorers(tuple(one for one in strategies if isinstance(one, Learned | Complexity)))
    second = settings.mode == "second-opinion"
    strategy = LocalJudge(
        scorer=scorer,
        judge=judge,
        tiers={**OWN_TIERS, **{str(word): tier for word, tier in settings.tiers.items()}},
        unsure_below=settings.unsure_below if second else None,
        deadline_ms=settings.deadline_ms,
    )
    chain = replace(decider.chain, strategies=(*strategies[:at], strategy, *strategies[at:]))
    features_of = _with_history(decider.features_of, settings.history_turns)
    return replace(router, decider=replace(decider, chain=chain, features_of=features_of))


def _slots(settings: ClassifierSettings, card: ModelCard) -> int:
    return settings.slots or (1 if card.endpoint.dialect in ONE_AT_A_TIME else card.endpoint.slots or SLOTS)


def _with_history(
    features_of: Callable[[ChatRequest | EmbeddingRequest], PromptFeatures], turns: int
) -> Callable[[ChatRequest | EmbeddingRequest], PromptFeatures]:
    """*features_of*, with the turns before the ask."""

    def with_history(request: ChatRequest | EmbeddingRequest) -> PromptFeatures:
        features = features_of(request)
        if not isinstance(request, ChatRequest) or not features.ask:
            return features
        return replace(features, history=history_of(request.messages, turns))

    return with_history
