"""A replay as a person reads it, and its summary as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, cast

from pointsman.cli.explanation import facts_grid, labelled, struck_lines
from pointsman.cli.figures import NOTHING, count, dollars, share
from pointsman.cli.output import print_data, table
from pointsman.evals.traffic import Basis

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pointsman.core.jsontypes import JsonObject
    from pointsman.evals.replay import Again, Moves, Summary

_MOST_MODELS = 12
_MOST_EXAMPLES = 5
_ID_SHOWN = 8
HOW_TO_LOG: Final = "Log prompts to have them decided anew: `ledger: {log_prompts: true}` in pointsman.yaml."
_BASES: Final = {
    Basis.PROMPT: "from the logged prompt",
    Basis.NAME: "from what was asked for, which is enough",
    Basis.TIER: "with the tier that it had: the prompt is not kept",
    Basis.NOTHING: "not: its beginning was lost",
}


def summary_json(summary: Summary) -> JsonObject:
    """All of it, under the names of its fields."""
    made = asdict(summary)
    made["by_basis"] = {basis.value: summary.by_basis.get(basis, 0) for basis in Basis}
    made["refused"] = dict(summary.refused)
    return cast("JsonObject", made)


def print_replay(summary: Summary, found: Sequence[Again], other: str | None) -> None:
    """What changes in total, by tier and by model, and how sure that is."""
    name = other or "the configuration in force"
    moved = f"{summary.moved:,} ({share(summary.moved / summary.requests)})" if summary.moved else "none"
    print_data(f"{count(summary.requests)} requests under {name}: {moved} would go elsewhere")
    print_data("")
    print_data(_moves("tier", summary.tiers))
    print_data("")
    print_data(_moves("model", summary.models[:_MOST_MODELS]))
    if len(summary.models) > _MOST_MODELS:
        print_data(f"and {len(summary.models) - _MOST_MODELS} more ways; --json has all")
    print_data("")
    for line in _notes(summary, found):
        print_data(line)


def print_one(one: Again) -> None:
    """One request, before and after."""
    from rich.text import Text

    row, after = one.row, one.after
    now = after.model if after is not None else "refused" if one.error is not None else "not known"
    print_data(Text.assemble((f"{row.routed} → {now}", "bold"), ("  moved" if one.is_moved else "", "cyan")))
    facts = facts_grid()
    facts.add_row("id", Text(row.id))
    facts.add_row("decided", Text(_BASES[one.basis]))
    facts.add_row("before", Text(f"{row.tier or NOTHING}, {dollars(row.cost_usd)}, by {row.strategy}: {row.reason}"))
    if after is not None:
        tier = after.tier.value if after.tier is not None else NOTHING
        facts.add_row("after", Text(f"{tier}, {dollars(one.cost_usd)}, by {after.strategy}: {after.reason}"))
        place = "on this machine" if one.is_local else "not on this machine"
        facts.add_row("privacy", Text(f"{row.privacy}; after: {place}"))
        struck = struck_lines((gone.model, gone.by, gone.reason) for gone in after.struck)
        for label, line in labelled("struck out", struck):
            facts.add_row(label, line)
    if one.error is not None:
        facts.add_row("error", Text(str(one.error), style="red"))
    print_data(facts)
    if one.basis is Basis.TIER:
        print_data(HOW_TO_LOG)


def _moves(what: str, moves: Sequence[Moves]) -> RenderableType:
    right = ("requests", "cost before", "cost after")
    made = table(f"{what} before", f"{what} after", *right, right=right)
    for one in moves:
        style = "" if one.before == one.after else "bold"
        figures = (count(one.requests), dollars(one.before_usd), dollars(one.after_usd))
        made.add_row(one.before or NOTHING, one.after or NOTHING, *figures, style=style)
    return made


def _notes(summary: Summary, found: Sequence[Again]) -> Iterator[str]:
    difference = summary.after_usd - summary.before_usd
    change = f"{dollars(abs(difference))} {'less' if difference < 0 else 'more'}"
    yield (
        f"cost: {dollars(summary.before_usd)} → {dollars(summary.after_usd)}, {change}, for the same tokens "
        f"({count(summary.priced)} requests whose price is known both times)"
    )
    yield from (
        f"{count(summary.by_basis[basis])} decided {_BASES[basis]}" for basis in Basis if basis in summary.by_basis
    )
    if summary.by_basis.get(Basis.TIER):
        yield HOW_TO_LOG
    if summary.private:
        refused = summary.private - summary.private_local
        beside = f", {count(refused)} would be refused or is not known" if refused else ""
        yield f"private: {count(summary.private_local)} of {count(summary.private)} stay on this machine{beside}"
    for code, number in summary.refused.items():
        shown = [one.row.id[:_ID_SHOWN] for one in found if one.error is not None and one.error.code == code]
        more = ", …" if len(shown) > _MOST_EXAMPLES else ""
        yield f"{count(number)} would be refused ({code}): {', '.join(shown[:_MOST_EXAMPLES])}{more}"
