"""`pointsman logs`, `explain` and `stats`: what the ledger remembers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import TIER_NAMES, ModelName, config_option, json_option, since_option
from pointsman.cli.output import print_json, print_json_line, say
from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.adapters.storage.reader import LedgerReader
    from pointsman.adapters.storage.rows import LedgerRow, Wanted

GROUPINGS = ("model", "tier", "strategy", "client", "agent", "day")
FOLLOW_S = 0.5
_FOLLOW_ROWS = 1000
LAST = "last"
NOTHING_YET = "No request is recorded yet."

LOGS_EXAMPLES = """\b
Examples:
  pointsman logs -n 5
  pointsman logs --since 1h --tier complex
  pointsman logs --follow --json | jq .served
"""
EXPLAIN_EXAMPLES = """\b
Examples:
  pointsman explain last
  pointsman explain 3f2a --json
"""
STATS_EXAMPLES = """\b
Examples:
  pointsman stats --since 7d
  pointsman stats --by tier --json
"""


@click.command(short_help="Show the latest requests.", epilog=LOGS_EXAMPLES)
@click.option(
    "-n", "--number", "limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many."
)
@since_option
@click.option("--model", type=ModelName(), help="Only requests that asked for, were routed to or served by this.")
@click.option("--tier", type=click.Choice(TIER_NAMES, case_sensitive=False), metavar="TIER", help="Only this tier.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new requests as they finish, until Ctrl-C.")
@json_option
@config_option
def logs(
    limit: int,
    since: float | None,
    model: str | None,
    tier: str | None,
    *,
    follow: bool,
    as_json: bool,
    config: str | None,
) -> None:
    """Show the latest requests, oldest first; with --json one object a line."""
    from pointsman.adapters.storage.rows import Wanted
    from pointsman.cli.ledger_tables import print_rows

    reader = ledger_of(config)
    wanted = Wanted(since_s=since, model=model, tier=_tier(tier))
    rows = reader.recent(limit, wanted)[::-1]
    if not rows and not as_json:
        say(NOTHING_YET if wanted == Wanted() else "No request that is recorded fits.")
    _print(rows, as_json=as_json)
    if follow:
        for fresh in _fresh(reader, wanted, {row.id for row in rows}):
            if as_json:
                _print(fresh, as_json=True)
            else:
                print_rows(fresh, header=False)


@click.command(short_help="Explain a past decision.", epilog=EXPLAIN_EXAMPLES)
@click.argument("id_", metavar="ID")
@json_option
@config_option
def explain(id_: str, *, as_json: bool, config: str | None) -> None:
    """Explain a past decision: why this model, who was struck out, what was tried, what it cost.

    ID is a decision's id, the beginning of one, or `last`. Every answer of the gateway carries it in the header
    x-pointsman-decision-id.
    """
    from pointsman.cli.ledger_tables import print_row

    reader = ledger_of(config)
    row = newest(reader) if id_ == LAST else reader.find(id_)
    if as_json:
        print_json(row.to_json())
    else:
        print_row(row)


@click.command(short_help="Add up requests, cost and savings.", epilog=STATS_EXAMPLES)
@since_option
@click.option("--by", type=click.Choice(GROUPINGS), default="model", show_default=True, help="Group by this.")
@json_option
@config_option
def stats(since: float | None, by: str, *, as_json: bool, config: str | None) -> None:
    """Add up requests, tokens, cost, savings and times."""
    from pointsman.adapters.storage.rows import Grouping
    from pointsman.cli.ledger_tables import print_stats

    found = ledger_of(config).stats(since, Grouping(by))
    if as_json:
        print_json(found.to_json())
    elif found.total.requests or found.rejected:
        print_stats(found)
    else:
        say(NOTHING_YET if since is None else "No request is recorded since then.")


def ledger_of(config: str | None) -> LedgerReader:
    """What reads the ledger of the configuration; said is that nothing is added to it, where it is off."""
    from pointsman.cli.setup import configuration
    from pointsman.stores import ledger_reader

    loaded = configuration(config)
    if not loaded.settings.ledger.enabled:
        say("note: the ledger is off (`ledger.enabled: false`): requests are not recorded")
    return ledger_reader(loaded)


def _print(rows: Sequence[LedgerRow], *, as_json: bool) -> None:
    from pointsman.cli.ledger_tables import print_rows

    if as_json:
        for row in rows:
            print_json_line(row.to_json())
    elif rows:
        print_rows(rows)


def _tier(name: str | None) -> str | None:
    """The tier's own name, also when it is given by size."""
    from pointsman.core.catalog import Tier

    tier = Tier.parse(name) if name else None
    return tier.value if tier else None


def newest(reader: LedgerReader) -> LedgerRow:
    """The newest request; InvalidRequest when there is none."""
    rows = reader.recent(1)
    if not rows:
        raise InvalidRequest(NOTHING_YET)
    return rows[0]


def _fresh(reader: LedgerReader, wanted: Wanted, seen: set[str]) -> Iterator[Sequence[LedgerRow]]:
    """Requests not seen so far, oldest first, once they are over; looks every FOLLOW_S seconds, for ever."""
    clock = threading.Event()
    while True:
        fresh = [
            row for row in reader.recent(_FOLLOW_ROWS, wanted)[::-1] if row.id not in seen and row.outcome != "open"
        ]
        seen.update(row.id for row in fresh)
        if fresh:
            yield fresh
        clock.wait(FOLLOW_S)
