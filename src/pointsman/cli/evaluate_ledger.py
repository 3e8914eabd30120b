"""`pointsman eval` without a file: what the user's own ledger tells of routing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from pointsman.cli.evaluate_tables import mark, short, whole
from pointsman.cli.figures import NOTHING, count, duration, share
from pointsman.cli.output import print_data, print_json, table, width
from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.cli.bars import Advance, Bar
    from pointsman.core.jsontypes import JsonObject
    from pointsman.evals.figures import Figure
    from pointsman.evals.own_traffic import Dealt, Group, OwnTraffic
    from pointsman.evals.pairs import Setting
    from pointsman.evals.replay import Again
    from pointsman.evals.rescore import Rescored

DEFAULT_ROUTERS = ("pointsman", "litellm-compat")
_WIDE = 105
NOT_KNOWN: Final = (
    "A ledger has no outcome of the models that were not called, so it cannot say which choices were right. For that, "
    "write down outcomes of some of your prompts and give them with --data (docs: Prove that a router is worth it)."
)
NO_PROMPTS: Final = (
    "No prompt is logged, so no router can be asked again and nobody knows who asked twice: "
    "`ledger: {log_prompts: true}` in pointsman.yaml keeps those that are not private."
)


def evaluate_ledger(
    config: str | None, since: float | None, names: Sequence[str], setting: Setting, bar: Bar
) -> tuple[OwnTraffic, tuple[Rescored, ...]]:
    """Figures of the ledger's requests, and of routers on the prompts in it."""
    from pointsman.cli.evaluate import router_of
    from pointsman.cli.replay import recorded
    from pointsman.cli.setup import configuration
    from pointsman.evals.own_traffic import own_traffic
    from pointsman.evals.rescore import as_recorded, rescore
    from pointsman.evals.routers import ALWAYS, DIFFICULTY, ORACLE, OURS

    wanted = list(dict.fromkeys(names or DEFAULT_ROUTERS))
    for name in wanted:
        if name in {DIFFICULTY, ORACLE} or name.startswith(ALWAYS):
            raise InvalidRequest(f"--router: {name!r} needs outcomes that are known.", hint="Give a file with --data.")
    rows = recorded(config, None, since, None)
    catalog = configuration(config).catalog
    found = own_traffic(rows, catalog, setting)
    if not found.with_prompt:
        return found, ()
    advance = bar("asking", (len(wanted) + (OURS in wanted)) * found.with_prompt)
    again = _decided_again(config, rows, advance) if OURS in wanted else ()
    routers = [as_recorded(again) if name == OURS else router_of(name, None, None) for name in wanted]
    return found, rescore(rows, routers, catalog, setting, advance)


def _decided_again(config: str | None, rows: Sequence[LedgerRow], advance: Advance) -> Sequence[Again]:
    """Those of *rows* with a prompt, by the chain in force."""
    from pointsman.cli.route import catalog_to_decide, deciding
    from pointsman.evals.replay import replay

    loaded, _ = catalog_to_decide(config)
    found = []
    with deciding(loaded) as (router, run):
        for one in replay((row for row in rows if row.prompt is not None), router.decider, run):
            found.append(one)
            advance(1)
    return found


def print_as_json(found: OwnTraffic, rescored: Sequence[Rescored]) -> None:
    """All figures, under the names of their fields."""
    from pointsman.evals.report import plain

    made: JsonObject = cast("JsonObject", plain(asdict(found)))
    print_json({"ledger": made | {"routers": [plain(asdict(one)) for one in rescored]}})


def print_ledger(found: OwnTraffic, rescored: Sequence[Rescored]) -> None:
    """All tables that have something in them, and what cannot be told."""
    for number, (title, shown) in enumerate(_parts(found, rescored)):
        if number:
            print_data("")
        print_data(title)
        if shown is not None:
            print_data(shown)


def _parts(found: OwnTraffic, rescored: Sequence[Rescored]) -> Iterator[tuple[str, RenderableType | None]]:
    span = f"{_day(found.since_s)} to {_day(found.until_s)}"
    known = f"{count(found.with_prompt)} with their prompt, {count(found.private)} private"
    yield f"{count(found.requests)} requests from {span}; {known}", None
    yield "How they went, by the tier that was chosen; shares with 95 %", _groups("tier", found.tiers)
    yield "By the model that was chosen", _groups("model", found.models)
    if found.dealt is not None:
        yield _dealt(found.dealt), None
    for order in found.orders:
        rho = f"{order.rho.value:+.2f}{mark(order.rho, 0.0).rstrip()} ({order.rho.low:+.2f} … {order.rho.high:+.2f})"
        yield f"Rank correlation of {order.said} and the length of {count(order.n)} answers: {rho}", None
    if rescored:
        yield "Routers on the logged prompts, beside the tiers that were chosen", _rescored(rescored)
    yield NOT_KNOWN, None
    if not found.with_prompt:
        yield NO_PROMPTS, None


def _groups(what: str, groups: Sequence[Group]) -> RenderableType:
    """A narrow terminal gets the columns that matter most."""
    is_wide = width() >= _WIDE
    has_raised = any(group.raised is not None and group.raised.value for group in groups)
    has_again = any(group.again is not None for group in groups)
    extra = [("raised", has_raised), ("asked again", has_again)]
    names = ["n", "by the chosen", "failed", *(name for name, shown in extra if shown and is_wide), "$ per 1,000"]
    right = (*names, *(("tokens out", "p50", "p95") if is_wide else ("p95",)))
    made = whole(table(what, *right, right=right), 1)
    for group in groups:
        optional = [(_part(group.raised), has_raised), (_part(group.again), has_again)]
        cells = [count(group.requests), _part(group.first), _part(group.failed)]
        cells += [cell for cell, shown in optional if shown and is_wide]
        cells.append(_usd(group.usd_per_1k))
        if is_wide:
            cells += [NOTHING if group.output_tokens is None else f"{group.output_tokens:,.0f}", duration(group.p50_ms)]
        made.add_row(short(group.key or NOTHING, 20), *cells, duration(group.p95_ms))
    return made


def _part(figure: Figure | None) -> str:
    """`93 % (88 … 97)`."""
    if figure is None:
        return NOTHING
    return f"{share(figure.value)} ({100 * figure.low:.0f} … {100 * figure.high:.0f})"


def _usd(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    return f"{figure.value:.3g} ({figure.low:.3g} … {figure.high:.3g})" if figure.value else "0"


def _dealt(one: Dealt) -> str:
    """The control that a ledger allows: of spend, not of quality."""
    more, low, high = (one.more.value, one.more.low, one.more.high)
    if low > 0 or high < 0:
        ends = sorted((abs(low), abs(high)))
        word = "more" if more > 0 else "less"
        verdict = f"choosing made it ${abs(more):.3g} {word} ({ends[0]:.3g} … {ends[1]:.3g})"
    else:
        verdict = f"the difference cannot be told from chance ({low:+.3g} … {high:+.3g})"
    return (
        f"Spend beside chance, where there was a choice: ${one.usd:.4g} for 1,000 requests; the same calls dealt at "
        f"random would cost ${one.random_usd:.4g}: {verdict}. For that money chance gives {share(one.chance_share)} of "
        f"{count(one.n)} calls to {one.dearest}; it got {share(one.share)}."
    )


def _rescored(rescored: Sequence[Rescored]) -> RenderableType:
    right = ("n", "same tier", "higher", "lower", "$ per 1,000", "at random")
    is_wide = width() >= _WIDE
    made = whole(table("router", *right, *(("tiers, %",) if is_wide else ()), right=right), 1)
    for one in rescored:
        spent = (NOTHING, NOTHING) if one.dealt is None else (f"{one.dealt.usd:.3g}", f"{one.dealt.random_usd:.3g}")
        tiers = ", ".join(f"{tier} {100 * part:.0f}" for tier, part in one.tiers.items())
        shares = (share(one.same), share(one.higher), share(one.lower))
        made.add_row(short(one.router), count(one.n), *shares, *spent, *((tiers or NOTHING,) if is_wide else ()))
    return made


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
