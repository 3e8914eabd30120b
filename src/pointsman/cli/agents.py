"""`pointsman agents`: who called what, and the tier that is proposed for each, to be accepted or rejected."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import TIER_NAMES, config_option, json_option, since_option
from pointsman.cli.output import print_json, say
from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Tier
    from pointsman.routing.agents.profile import Profile
    from pointsman.routing.agents.rules import AgentRule

DAYS = 30
_DAY_S = 86_400
NOBODY_YET = "No agent has called yet. An agent is known by its headers, names or system text: see the guide."

EXAMPLES = """\b
Examples:
  pointsman agents                        calls, tiers, cost, proposals
  pointsman agents show extractor         all about one
  pointsman agents accept extractor       the proposed tier from now on
  pointsman agents accept extractor --tier medium
  pointsman agents reject extractor       no proposal, or no longer
"""
SHOW_EXAMPLES = """\b
Examples:
  pointsman agents show extractor
  pointsman agents show "Senior Researcher" --json
"""
ACCEPT_EXAMPLES = """\b
Examples:
  pointsman agents accept extractor
  pointsman agents accept extractor --tier medium
"""
REJECT_EXAMPLES = """\b
Examples:
  pointsman agents reject extractor
"""
_key_option = click.option("--key", metavar="ID", help="The caller's key, by its id, where several have such an agent.")
_after_option = click.option(
    "--after", type=click.IntRange(5, 10_000), default=20, show_default=True, help="Calls before a tier is proposed."
)


@click.group(invoke_without_command=True, short_help="Show agents, and the tier proposed for each.", epilog=EXAMPLES)
@since_option
@_after_option
@json_option
@config_option
@click.pass_context
def agents(context: click.Context, since: float | None, after: int, *, as_json: bool, config: str | None) -> None:
    """Show the agents of the last 30 days: calls by tier, cost, savings, and the tier that is proposed for each.

    Nothing is changed until you accept it. A rule in `agents:` of the configuration counts before what was accepted.
    """
    if context.invoked_subcommand is not None:
        return
    from pointsman.cli.agent_tables import print_agents

    loaded = _loaded(config)
    found = _profiles(loaded, since, after)
    if as_json:
        print_json([one.to_json() for one in found])
    elif found:
        print_agents(found, [_rule_of(loaded, one) for one in found])
    else:
        say(NOBODY_YET)


@agents.command(short_help="Show all about one agent.", epilog=SHOW_EXAMPLES)
@click.argument("name")
@_key_option
@since_option
@_after_option
@json_option
@config_option
def show(name: str, key: str | None, since: float | None, after: int, *, as_json: bool, config: str | None) -> None:
    """Show what the agent NAME called, what came of it, and what is proposed."""
    from pointsman.cli.agent_tables import print_agent

    loaded = _loaded(config)
    found = _one(_profiles(loaded, since, after), name, key)
    if as_json:
        print_json(found.to_json())
    else:
        print_agent(found, _rule_of(loaded, found))


@agents.command(short_help="Give an agent the proposed tier, or another.", epilog=ACCEPT_EXAMPLES)
@click.argument("name")
@click.option("--tier", type=click.Choice(TIER_NAMES, case_sensitive=False), metavar="TIER", help="Instead of that.")
@_key_option
@_after_option
@json_option
@config_option
def accept(name: str, tier: str | None, key: str | None, after: int, *, as_json: bool, config: str | None) -> None:
    """Give all calls of the agent NAME the proposed tier from now on; a running gateway follows within a second."""
    loaded = _loaded(config)
    found = _one(_profiles(loaded, None, after), name, key)
    wanted = _tier(tier, found)
    _keep(loaded, found, wanted)
    if as_json:
        print_json({"agent": found.agent, "key_id": found.key_id, "accepted": wanted.value})
    else:
        say(f"{found.agent} gets {wanted.value} from now on{_unless(_rule_of(loaded, found), wanted)}.")


@agents.command(short_help="Reject a proposal, or take back what was accepted.", epilog=REJECT_EXAMPLES)
@click.argument("name")
@_key_option
@json_option
@config_option
def reject(name: str, key: str | None, *, as_json: bool, config: str | None) -> None:
    """Leave the agent NAME to the router, and propose nothing until it has called twice as often."""
    loaded = _loaded(config)
    found = _one(_profiles(loaded, None), name, key)
    _keep(loaded, found, None)
    if as_json:
        print_json({"agent": found.agent, "key_id": found.key_id, "accepted": None})
    else:
        say(f"{found.agent} goes where the router sends it.")


def _loaded(config: str | None) -> Loaded:
    from pointsman.cli.setup import configuration

    return configuration(config)


def _profiles(loaded: Loaded, since: float | None, after: int = 20) -> Sequence[Profile]:
    from pointsman.stores import agent_profiles

    return agent_profiles(loaded, since_s=time.time() - DAYS * _DAY_S if since is None else since, after=after)


def _one(found: Sequence[Profile], name: str, key: str | None) -> Profile:
    """The agent *name* of *key*; InvalidRequest when there is none, or one of each of several keys."""
    theirs = [one for one in found if one.agent == name and key in (None, one.key_id)]
    if len(theirs) == 1:
        return theirs[0]
    if theirs:
        keys = ", ".join(one.key_id or "none" for one in theirs)
        message = f"Several callers have an agent {name!r} (keys {keys})."
        raise InvalidRequest(message, hint="Say whose with --key.")
    known = ", ".join(dict.fromkeys(one.agent for one in found[:10]))
    message = f"No agent {name[:200]!r} has called in the last {DAYS} days."
    raise InvalidRequest(message, hint=f"There are: {known}." if known else NOBODY_YET)


def _tier(given: str | None, found: Profile) -> Tier:
    from pointsman.core.catalog import Tier

    tier = Tier.parse(given) if given is not None else None
    if tier is not None:
        return tier
    if found.proposal is None:
        message = f"Nothing is proposed for {found.agent!r}."
        raise InvalidRequest(message, hint="Name a tier with --tier.")
    return found.proposal.tier


def _rule_of(loaded: Loaded, found: Profile) -> AgentRule | None:
    """The rule of the configuration that counts for the agent; None when there is none."""
    from pointsman.core.decision import Caller
    from pointsman.precedence import agent_rules

    return agent_rules(loaded).of(Caller(agent=found.agent))


def _unless(rule: AgentRule | None, wanted: Tier) -> str:
    """What is to be said of a rule that keeps the agent from *wanted*."""
    if rule is None:
        return ""
    given = rule.model or (rule.tier.value if rule.tier is not None else None)
    if given is not None:
        return f", once the rule {rule.pattern!r} in the configuration, which gives it {given}, is gone"
    bounded = rule.bounded(wanted)
    return "" if bounded is wanted else f", but {bounded.value} by the rule {rule.pattern!r} in the configuration"


def _keep(loaded: Loaded, found: Profile, tier: Tier | None) -> None:
    from pointsman.routing.agents.profile import Choice
    from pointsman.stores import agent_choices

    choice = Choice(key_id=found.key_id, agent=found.agent, tier=tier, at_s=time.time(), calls=found.calls)
    agent_choices(loaded).keep(choice)
