"""`pointsman replay`: recorded requests decided again, under another configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.bars import bars
from pointsman.cli.ledger import LAST, NOTHING_YET, ledger_of, newest
from pointsman.cli.options import config_option, json_option, since_option
from pointsman.cli.output import print_json
from pointsman.core.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.evals.replay import Again

    Replay = Callable[[Iterable[LedgerRow]], Iterator[Again]]

EXAMPLES = """\b
Examples:
  pointsman replay last --with other.yaml
  pointsman replay --since 24h --with other.yaml
  pointsman replay --limit 500 --with other.yaml --json | jq .summary
"""


@click.command(short_help="Decide recorded requests again.", epilog=EXAMPLES)
@click.argument("id_", metavar="[ID]", required=False)
@since_option
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option(
    "--with",
    "other",
    type=click.Path(),
    metavar="FILE",
    help="Decide under this configuration; without it, the one in force.",
)
@json_option
@config_option
def replay(
    id_: str | None, since: float | None, limit: int | None, other: str | None, *, as_json: bool, config: str | None
) -> int:
    """Decide recorded requests again, and show what changes: tier, model, cost. No model is called.

    ID is a decision's id, the beginning of one, or `last`; without it, all that are recorded. A request whose prompt is
    not logged keeps its tier, and only who serves the tier may change; private requests stay private. The exit code is
    that of the first request that would be refused, 0 when none would.
    """
    if id_ is not None and (since is not None or limit is not None):
        message = "Give ID, or --since and --limit."
        raise click.UsageError(message, click.get_current_context())
    if other is not None and not Path(other).expanduser().exists():
        raise ConfigError(f"--with: there is no file {other!r}.", hint="Check the path.")
    rows = recorded(config, id_, since, limit)
    with bars() as bar, replaying(other or config) as again:
        advance = bar("deciding", len(rows))
        found = []
        for one in again(rows):
            found.append(one)
            advance(1)
    _show(found, other, is_one=id_ is not None, as_json=as_json)
    return next((one.error.exit_code for one in found if one.error is not None), 0)


def recorded(config: str | None, id_: str | None, since: float | None, limit: int | None) -> Sequence[LedgerRow]:
    """The requests that are meant, oldest first; InvalidRequest when there is none. Dry runs count only by their id."""
    from pointsman.adapters.storage.rows import RequestOutcome, Wanted

    reader = ledger_of(config)
    if id_ is not None:
        return [newest(reader) if id_ == LAST else reader.find(id_)]
    rows = [row for row in reader.each(Wanted(since_s=since)) if row.outcome is not RequestOutcome.DRY_RUN]
    if not rows:
        raise InvalidRequest(NOTHING_YET if since is None else "No request is recorded since then.")
    return rows if limit is None else rows[-limit:]


@contextmanager
def replaying(config: str | None) -> Iterator[Replay]:
    """What decides requests again under *config*; a local judge is asked where there is one."""
    from pointsman.cli.route import deciding
    from pointsman.cli.setup import configuration
    from pointsman.evals.replay import replay as replayed

    loaded = configuration(config)
    if not loaded.catalog.models:
        place = config or "The configuration in force"
        raise ConfigError(f"{place} names no model, so nothing can be decided.", hint="Name one with --with FILE.")
    with deciding(loaded) as (router, run):
        yield lambda rows: replayed(rows, router.decider, run)


def _show(found: Sequence[Again], other: str | None, *, is_one: bool, as_json: bool) -> None:
    from pointsman.cli.replay_tables import print_one, print_replay, summary_json
    from pointsman.evals.replay import summary_of

    if is_one:
        print_json(found[0].to_json()) if as_json else print_one(found[0])
        return
    summary = summary_of(found)
    if as_json:
        print_json({"with": other, "summary": summary_json(summary), "requests": [one.to_json() for one in found]})
    else:
        print_replay(summary, found, other)
