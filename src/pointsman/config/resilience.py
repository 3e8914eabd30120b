"""`resilience` of the settings as what the catalog holds: policies, the last resort, the preset's chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointsman.config.presets import ANY, PRESETS, Family, family_of
from pointsman.config.schema import Settings
from pointsman.config.schema_resilience import PolicySettings, RuleSettings
from pointsman.core.catalog import Catalog, ModelCard
from pointsman.core.failure import FailureKind
from pointsman.core.policy import DEFAULT_RULES, Policy, Rule


def policies(settings: Settings, cards: Sequence[ModelCard], aliases: Mapping[str, str]) -> dict[str, Policy]:
    """What failures lead to, by model and `*`; a model without rules of its own or its family's has no entry.

    The default's rules, its family's, those for `*` and its own, each over the one before.
    """
    resolve = Catalog(models=(), aliases=aliases).resolve
    configured = {resolve(name): policy for name, policy in settings.resilience.policies.items()}
    general = configured.pop(ANY, PolicySettings())
    found = {ANY: _policy(DEFAULT_RULES, general)} if general != PolicySettings() else {}
    families = _families(settings, cards)
    for name in dict.fromkeys((*families, *configured)):
        family = families.get(name)
        rules = {**DEFAULT_RULES, **(family.rules if family else {})}
        found[name] = _policy(_policy(rules, general).rules, configured.get(name, PolicySettings()))
    return found


def last_resort(settings: Settings, cards: Sequence[ModelCard]) -> str | None:
    """The one that is configured, else the first model of the preset's family for it."""
    if settings.resilience.last_resort is not None:
        return settings.resilience.last_resort
    families = _families(settings, cards)
    return next((name for name, family in families.items() if family.is_last_resort), None)


def followers(settings: Settings, cards: Sequence[ModelCard]) -> dict[str, tuple[str, ...]]:
    """Who follows whom by the preset's families."""
    families = _families(settings, cards)
    found = {}
    for name, family in families.items():
        others = tuple(
            other for wanted in family.followers for other, theirs in families.items() if theirs.name == wanted
        )
        if others:
            found[name] = others
    return found


def _families(settings: Settings, cards: Sequence[ModelCard]) -> dict[str, Family]:
    """Models by name with their family, where the preset has one for them."""
    preset = PRESETS[settings.resilience.preset]
    found: dict[str, Family] = {}
    for card in cards:
        family = family_of(preset, card.upstream_model)
        if family is not None:
            found.setdefault(card.name, family)
    return found


def _policy(below: Mapping[FailureKind, Rule], settings: PolicySettings) -> Policy:
    rules = dict(below)
    for kind in FailureKind:
        given: RuleSettings | None = getattr(settings, kind.value)
        if given is not None:
            rules[kind] = _rule(rules[kind], given)
    return Policy(rules=rules)


def _rule(below: Rule, given: RuleSettings) -> Rule:
    return Rule(
        action=below.action if given.action is None else given.action,
        mark=below.mark if given.state is None else given.state,
        attempts=given.attempts or below.attempts,
    )
