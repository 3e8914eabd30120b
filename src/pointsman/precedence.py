"""The composition of the chain: which strategies there are, and in which order they are asked.

Part of the composition root. What a caller says comes first, then what the configuration says, then what is guessed.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from pointsman.classification import learned_strategy
from pointsman.engine.escalation import Escalations
from pointsman.routing.agents.rules import AgentRule, AgentRules
from pointsman.routing.complexity.configured import complexity_settings
from pointsman.routing.rules import Matcher, Rule, matchers
from pointsman.routing.sessions.memory import PinsHere, Sessions
from pointsman.routing.strategies.agent_rule import AgentModel
from pointsman.routing.strategies.complexity import Complexity
from pointsman.routing.strategies.default import Default
from pointsman.routing.strategies.embeddings import EmbeddingModel
from pointsman.routing.strategies.override import ExplicitModel, TierName
from pointsman.routing.strategies.preset import PresetName
from pointsman.routing.strategies.rules import Rules
from pointsman.routing.strategies.session import SESSION, Patience, SessionPin
from pointsman.routing.strategies.utility import Utility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.classification import LearnedShifts
    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Catalog
    from pointsman.routing.agents.rules import TierOfAgent
    from pointsman.routing.strategy import Strategy


def strategies_of(
    loaded: Loaded,
    catalog: Catalog,
    accepted: TierOfAgent = lambda _key_id, _agent: None,
    from_use: LearnedShifts | None = None,
) -> tuple[Strategy, ...]:
    """The strategies over *catalog*; `judgement` puts the local judge before the scorer.

    *accepted* knows the tiers that a person has accepted for agents, *from_use* what a caller's verdicts have taught.
    """
    scorers = {name: complexity_settings(block) for name, block in loaded.complexity.items()}
    return (
        ExplicitModel(catalog),
        EmbeddingModel(),
        TierName(catalog),
        Utility(catalog),
        PresetName(catalog),
        AgentModel(catalog=catalog, rules=agent_rules(loaded), accepted=accepted),
        *((_session_pin(loaded, catalog),) if loaded.settings.sessions.enabled else ()),
        *((Rules(catalog=catalog, rules=rules),) if (rules := rules_of(loaded)) else ()),
        learned_strategy(loaded, catalog, from_use),
        Complexity(catalog, scorers),
        Default(catalog),
    )


def rules_of(loaded: Loaded) -> tuple[Matcher, ...]:
    """The configuration's rules; ConfigError names one with a pattern that could take long."""
    return matchers(
        [
            Rule(
                name=given.name or f"rules[{number}]",
                tier=given.tier,
                model=given.model,
                keywords=tuple(given.keywords),
                pattern=given.pattern,
                agent=tuple(given.agent),
                client=tuple(given.client),
                metadata={name: tuple(values) for name, values in given.metadata.items()},
                kinds=frozenset(given.kind),
                min_tokens=given.min_tokens,
                max_tokens=given.max_tokens,
                images=given.images,
                tools=given.tools,
            )
            for number, given in enumerate(loaded.settings.rules)
        ]
    )


def _session_pin(loaded: Loaded, catalog: Catalog) -> SessionPin:
    given = loaded.settings.sessions
    patience = Patience(
        easier_asks=given.easier_asks,
        cache_s=given.cache_s,
        prefill_tokens_per_s=given.prefill_tokens_per_s,
        most_prefill_s=given.most_prefill_s,
    )
    return SessionPin(catalog=catalog, clock=time.monotonic, patience=patience)


def sessions_of(loaded: Loaded, strategies: Sequence[Strategy]) -> Sessions | None:
    """What remembers the sessions of one of *strategies*; None where each request stands alone."""
    given = loaded.settings.sessions
    names = [one.name for one in strategies]
    if SESSION not in names:
        return None
    return Sessions(
        secret=secrets.token_bytes(32),
        clock=time.monotonic,
        store=PinsHere(clock=time.monotonic, most=given.most, idle_s=given.idle_s),
        by_beginning=given.by_beginning,
        idle_s=given.idle_s,
        outside=frozenset(names[: names.index(SESSION)]),
    )


def agent_rules(loaded: Loaded) -> AgentRules:
    """The models of agents, as configured."""
    return AgentRules(
        [
            AgentRule(pattern=name, tier=given.tier, model=given.model, floor=given.floor, cap=given.cap)
            for name, given in loaded.settings.agents.items()
        ]
    )


def escalations_of(loaded: Loaded, catalog: Catalog) -> Escalations | None:
    """Who keeps agents within their bounds and raises them; None where neither is wanted."""
    settings, rules = loaded.settings.escalation, agent_rules(loaded)
    if not settings.enabled and not rules.rules:
        return None
    return Escalations(
        catalog=catalog,
        clock=time.monotonic,
        secret=secrets.token_bytes(32),
        rule_of=rules.of,
        is_on=settings.enabled,
        retry=settings.retry,
        repeats=settings.repeats,
        remember_s=settings.remember_s,
    )
