"""Copies of requests as tables and as a text for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from pointsman.cli.explanation import facts_grid
from pointsman.cli.figures import NOTHING, about, count, dollars, duration, share
from pointsman.cli.ledger_tables import clock_time
from pointsman.cli.output import print_data, say, table
from pointsman.core.shadow import CopyEnd, Likeness

if TYPE_CHECKING:
    from rich.text import Text

    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.shadow import Copy, Side
    from pointsman.evals.shadows import Group

_ID_SHOWN: Final = 8
_TO_THE_MINUTE: Final = len("2026-11-21 15:45")
_STYLES: Final = {"agrees": "green", "better": "green", "worse": "red", "differs": "yellow", "failed": "red"}
_WHY_NOT: Final = {
    "full": "others were under way (`shadow.concurrency`)",
    "over_budget": "the day's budget was spent",
    "too_long": "the prompt or the answer was too long",
    "not_allowed": "private, or the model cannot do it",
    "no_room": "its server was busy",
    "not_loaded": "the model was not in memory",
    "paused": "the model was not well",
    "not_kept": "the budget's file could not be written",
}
_ENDS: Final = {"failed": "failed", "timeout": "timed out", "gave_way": "gave way", "stopped": "stopped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What today has cost, and what was drawn and not copied: the model meant, the reason, how many."""

    spent_usd: float
    budget_usd: float
    is_on: bool
    not_copied: Sequence[tuple[str, str, int]]

    def to_json(self) -> JsonObject:
        """All of it."""
        missed: list[JsonObject] = [
            {"shadow": model, "reason": why, "count": number} for model, why, number in self.not_copied
        ]
        return {
            "enabled": self.is_on,
            "spent_today_usd": self.spent_usd,
            "budget_usd_per_day": self.budget_usd,
            "not_copied": list(missed),
        }


def as_json(copy: Copy) -> JsonObject:
    """One copy, under the names of its fields."""
    found = copy.comparison
    return {
        "decision_id": copy.decision_id,
        "at_s": copy.at_s,
        "key_id": copy.key_id,
        "kind": copy.kind,
        "tier": copy.tier,
        "router": copy.router,
        "surface": copy.surface,
        "outcome": copy.end.value,
        "failure": copy.failure,
        "message": copy.message,
        "verdict": found.likeness.value if found is not None else None,
        "reasons": list(found.reasons) if found is not None else [],
        "similarity": found.similarity if found is not None else None,
        "judge": found.judge if found is not None else None,
        "prompt": copy.prompt,
        "served": asdict(copy.served),
        "shadow": asdict(copy.shadow),
    }


def print_summary(pairs: Sequence[Group], groups: Sequence[Group], account: Account) -> None:
    """For each pair of models a headline, and a line for each tier and kind of task."""
    from rich.text import Text

    for pair in pairs:
        print_data(Text(f"{pair.served} → {pair.shadow}", style="bold"))
        print_data(_facts(pair))
        right = ("COPIES", "JUDGED", "AGREE", "WORSE", "COST", "SAVES")
        made = table("TIER", "TASK", *right, right=right)
        theirs = [one for one in groups if (one.served, one.shadow) == (pair.served, pair.shadow)]
        for one in theirs:
            made.add_row(one.tier or NOTHING, one.kind or NOTHING, *_figures(one))
        if len(theirs) > 1:
            made.add_section()
            made.add_row("all", "", *_figures(pair), style="bold")
        print_data(made)
        print_data("")
    _print_account(account)


def print_copies(found: Sequence[Copy]) -> None:
    """A line for each copy."""
    made = table("TIME", "ID", "COPY", "VERDICT", "WHY")
    made.columns[0].no_wrap = True
    for one in found:
        why = "; ".join(one.comparison.reasons) if one.comparison is not None else one.message or ""
        made.add_row(
            clock_time(one.at_s)[:_TO_THE_MINUTE],
            one.decision_id[:_ID_SHOWN],
            one.shadow.model,
            _verdict(one),
            why or NOTHING,
        )
    print_data(made)


def print_copy(one: Copy) -> None:
    """All about one copy."""
    from rich.text import Text

    print_data(Text.assemble((f"{one.served.model} → {one.shadow.model}", "bold"), "  ", _verdict(one)))
    grid = facts_grid()
    grid.add_row("id", Text(one.decision_id))
    grid.add_row("at", Text(f"{clock_time(one.at_s)}, {one.surface}"))
    grid.add_row("task", Text(" · ".join(filter(None, (one.tier, one.kind))) or NOTHING))
    found = one.comparison
    if found is not None:
        grid.add_row("why", Text("; ".join(found.reasons)))
        if found.judge is not None:
            grid.add_row("judge", Text(found.judge))
        if found.similarity is not None:
            grid.add_row("words", Text(f"{share(found.similarity)} in common"))
    elif one.failure is not None or one.message is not None:
        grid.add_row("error", Text(": ".join(filter(None, (one.failure, one.message))), style="red"))
    grid.add_row("served", Text(_side(one.served)))
    grid.add_row("copy", Text(_side(one.shadow)))
    for label, text in (
        ("prompt", one.prompt),
        ("answer", one.served.text),
        ("copy's answer", one.shadow.text),
    ):
        if text is not None:
            grid.add_row(label, Text(text))
    print_data(grid)


def _facts(pair: Group) -> str:
    """How the copies ended, and how long the answers took."""
    facts = [f"{pair.answered:,} of {pair.copies:,} answered"]
    facts += [f"{number:,} {_ENDS[end]}" for end, number in pair.ends.items() if end != CopyEnd.ANSWERED.value]
    if pair.served_ms is not None and pair.shadow_ms is not None:
        facts.append(f"took {duration(pair.served_ms)} → {duration(pair.shadow_ms)}")
    return " · ".join(facts)


def _figures(one: Group) -> tuple[str, ...]:
    saved = one.saved_usd
    return (
        count(one.copies),
        count(one.judged),
        _agreement(one),
        count(one.verdicts.get(Likeness.WORSE, 0)),
        about(one.shadow_usd) if one.priced else NOTHING,
        about(saved) if saved is not None else NOTHING,
    )


def _agreement(one: Group) -> str:
    """`83 % (71–91)`."""
    interval = one.agree_interval
    if interval is None:
        return NOTHING
    return f"{share(one.agree_share)} ({interval[0] * 100:.0f}–{interval[1] * 100:.0f})"


def _print_account(account: Account) -> None:
    print_data(f"today: {dollars(round(account.spent_usd, 6))} of {dollars(account.budget_usd)} spent on copies")
    reasons: Counter[str] = Counter()
    for _, why, number in account.not_copied:
        reasons[why] += number
    for why, number in reasons.most_common():
        print_data(f"not copied: {number:,}, {_WHY_NOT.get(why, why)}")
    if not account.is_on:
        say("Shadow mode is off now; these copies were made before.")


def _verdict(one: Copy) -> Text:
    from rich.text import Text

    word = one.comparison.likeness.value if one.comparison is not None else one.end.value
    return Text(word.replace("_", " "), style=_STYLES.get(word, ""))


def _side(side: Side) -> str:
    place = "local" if side.is_local else "cloud"
    tokens = NOTHING
    if side.input_tokens is not None and side.output_tokens is not None:
        tokens = f"{side.input_tokens:,}+{side.output_tokens:,} tokens"
    return f"{side.model} ({place}), {duration(side.took_ms)}, {tokens}, {dollars(side.cost_usd)}"
