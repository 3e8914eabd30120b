"""Agents as a table and as a text for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import compress
from typing import TYPE_CHECKING

from pointsman.cli.explanation import facts_grid
from pointsman.cli.figures import NOTHING, about, count, dollars, share, span
from pointsman.cli.output import print_data, say, table, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.routing.agents.profile import Profile, Proposal
    from pointsman.routing.agents.rules import AgentRule

_COLUMNS = ("CALLS", "BY TIER", "EASY", "FAILED", "UP", "COST", "SAVED", "TIER", "PROPOSAL")
_LESS = ("EASY", "FAILED", "UP", "SAVED")
_WIDE = 105


def print_agents(found: Sequence[Profile], rules: Sequence[AgentRule | None]) -> None:
    """A line for each agent, by the rule that counts for it, with a hint at what can be done about the proposals."""
    has_keys = len({one.key_id for one in found}) > 1
    is_wide = width() >= _WIDE
    kept = [is_wide or column not in _LESS for column in _COLUMNS]
    columns = ("AGENT", *(("KEY",) if has_keys else ()), *compress(_COLUMNS, kept))
    made = table(*columns, right=("CALLS", "EASY", "FAILED", "UP", "COST", "SAVED"))
    made.columns[-1].no_wrap = not is_wide
    for one, rule in zip(found, rules, strict=True):
        made.add_row(
            one.agent,
            *([one.key_id or NOTHING] if has_keys else []),
            *compress(_cells(one, rule, with_saving=is_wide), kept),
        )
    print_data(made)
    name = next((one.agent for one in found if one.proposal is not None), None)
    if name is not None:
        shown = f'"{name}"' if " " in name else name
        say(f"`pointsman agents show {shown}` says why; `pointsman agents accept {shown}` applies it.")


def _cells(one: Profile, rule: AgentRule | None, *, with_saving: bool) -> tuple[str, ...]:
    """What stands in _COLUMNS."""
    has_price = one.unpriced < one.calls
    proposal = NOTHING
    if one.proposal is not None:
        proposal = one.proposal.tier.value + (_saving(one.proposal) if with_saving else "")
    return (
        count(one.calls),
        tiers(one) or NOTHING,
        share(one.easy_share),
        count(one.failures),
        count(one.escalations),
        dollars(one.cost_usd) if has_price else NOTHING,
        dollars(one.saved_usd) if has_price else NOTHING,
        settled(one, rule),
        proposal,
    )


def print_agent(one: Profile, rule: AgentRule | None) -> None:
    """All about one agent."""
    from rich.text import Text

    print_data(Text(one.agent, style="bold"))
    grid = facts_grid()
    rows = [
        ("calls", f"{count(one.calls)}, {one.failures} failed, {one.escalations} went one tier up"),
        ("tiers", tiers(one) or NOTHING),
        ("easy", f"{share(one.easy_share)} of {one.judged} that were judged"),
        ("tokens", f"{count(one.input_tokens)} read, {count(one.output_tokens)} written"),
        ("cost", f"{dollars(one.cost_usd)}, saved {dollars(one.saved_usd)}{_unpriced(one)}"),
        ("tier", settled(one, rule)),
    ]
    if one.key_id is not None:
        rows.insert(0, ("key", one.key_id))
    if one.proposal is not None:
        found = one.proposal
        rows.append(("proposal", f"{found.tier.value}: {found.reason}"))
        rows.append(("sure", f"at least {share(found.sureness)} of its calls, with 95 % certainty"))
        rows.append(("saving", f"{_figures(found) or 'not known'}, had these calls gone there"))
    for label, value in rows:
        grid.add_row(label, Text(value))
    print_data(grid)


def tiers(one: Profile) -> str:
    """`simple 40 · complex 2`."""
    return " · ".join(f"{tier.value} {number}" for tier, number in one.tiers.items())


def settled(one: Profile, rule: AgentRule | None) -> str:
    """What its rule gives, which comes first; the tier that was accepted, and when; `rejected`; a dash."""
    if rule is not None and (rule.tier is not None or rule.model is not None):
        return f"{rule.model or rule.tier} (rule)"
    if one.choice is None:
        return NOTHING
    if one.choice.tier is None:
        return "rejected"
    day = datetime.fromtimestamp(one.choice.at_s, UTC).strftime("%Y-%m-%d")
    return f"{one.choice.tier.value} ({day})"


def _saving(found: Proposal) -> str:
    figures = _figures(found)
    return f", {figures}" if figures else ""


def _figures(found: Proposal) -> str:
    """What it saves: money, or where there is none to save, time."""
    if found.saved_usd:
        part = f" ({share(abs(found.saved_share))})" if found.saved_share is not None else ""
        verb = "saves" if found.saved_usd > 0 else "costs"
        return f"{verb} {about(abs(found.saved_usd))}{part}"
    if found.saved_s:
        return f"{'saves' if found.saved_s > 0 else 'takes'} {span(abs(found.saved_s))}"
    return ""


def _unpriced(one: Profile) -> str:
    return f"; {one.unpriced} calls without a price" if one.unpriced else ""
