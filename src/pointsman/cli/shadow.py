"""`pointsman shadow`: how copies of requests fared at another model, added up, listed, and one by one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option, json_option, since_option
from pointsman.cli.output import print_json, say

if TYPE_CHECKING:
    from pointsman.cli.shadow_tables import Account
    from pointsman.config.load import Loaded

VERDICTS = ("agrees", "differs", "worse", "better", "unclear")
OFF = "Shadow mode is off: `shadow: {model: NAME}` in pointsman.yaml says who gets copies. See the guide."
NONE_YET = "No copy has been made yet: the gateway makes them as requests come (`pointsman serve`)."

EXAMPLES = """\b
Examples:
  pointsman shadow                       would the other model have done?
  pointsman shadow --since 7d --json
  pointsman shadow list --verdict worse  the copies to look at
  pointsman shadow show 3f2a             one of them
"""
LIST_EXAMPLES = """\b
Examples:
  pointsman shadow list
  pointsman shadow list --verdict worse --since 1d
"""
SHOW_EXAMPLES = """\b
Examples:
  pointsman shadow show 3f2a
  pointsman shadow show 3f2a --json
"""


@click.group(
    invoke_without_command=True, short_help="Compare a model's answers with copies at another.", epilog=EXAMPLES
)
@since_option
@json_option
@config_option
@click.pass_context
def shadow(context: click.Context, since: float | None, *, as_json: bool, config: str | None) -> None:
    """Show how copies of requests fared at another model: how often both agree, what it would have cost.

    Copies are made by the gateway where the configuration says `shadow`. The share that agrees is of the copies whose
    verdict tells anything, with its 95 % interval. SAVES is what the other model's answers would have saved.
    """
    if context.invoked_subcommand is not None:
        return
    from pointsman.cli.shadow_tables import print_summary
    from pointsman.evals.shadows import groups, pairs
    from pointsman.shadowing import shadow_file

    loaded = _loaded(config)
    found = shadow_file(loaded).each(since_s=since or 0.0)
    account = _account(loaded, since)
    if as_json:
        print_json({
            "since_s": since,
            "pairs": [one.to_json() for one in pairs(found)],
            "groups": [one.to_json() for one in groups(found)],
            **account.to_json(),
        })  # fmt: skip
    elif found or account.not_copied:
        print_summary(pairs(found), groups(found), account)
    else:
        _say_why_none(loaded)


@shadow.command("list", short_help="List copies, the newest last.", epilog=LIST_EXAMPLES)
@click.option(
    "-n", "--number", "limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many."
)
@since_option
@click.option("--verdict", type=click.Choice(VERDICTS), metavar="|".join(VERDICTS), help="Only with this verdict.")
@json_option
@config_option
def list_copies(limit: int, since: float | None, verdict: str | None, *, as_json: bool, config: str | None) -> None:
    """List the latest copies, oldest first; with --json one object a line."""
    from pointsman.cli.output import print_json_line
    from pointsman.cli.shadow_tables import as_json as copy_json
    from pointsman.cli.shadow_tables import print_copies
    from pointsman.shadowing import shadow_file

    loaded = _loaded(config)
    file = shadow_file(loaded)
    found = file.each(since_s=since or 0.0, verdict=verdict, limit=limit, texts=as_json)[::-1]
    if as_json:
        for one in found:
            print_json_line(copy_json(one))
    elif found:
        print_copies(found)
    elif verdict is not None or since is not None:
        say("No copy fits.")
    else:
        _say_why_none(loaded)


@shadow.command(short_help="Show one copy beside the answer it was compared with.", epilog=SHOW_EXAMPLES)
@click.argument("id_", metavar="ID")
@json_option
@config_option
def show(id_: str, *, as_json: bool, config: str | None) -> None:
    """Show all about one copy; ID is its request's, or the beginning of that, or `last`.

    Both answers are shown where they were kept: with `ledger.log_prompts`, of public requests.
    """
    from pointsman.cli.shadow_tables import as_json as copy_json
    from pointsman.cli.shadow_tables import print_copy
    from pointsman.shadowing import shadow_file

    loaded = _loaded(config)
    file = shadow_file(loaded)
    newest = file.each(limit=1, texts=True) if id_ == "last" else ()
    found = newest[0] if newest else file.find(id_)
    if as_json:
        print_json(copy_json(found))
    else:
        print_copy(found)


def _loaded(config: str | None) -> Loaded:
    from pointsman.cli.setup import configuration

    return configuration(config)


def _account(loaded: Loaded, since: float | None) -> Account:
    from datetime import UTC, datetime

    from pointsman.cli.shadow_tables import Account
    from pointsman.shadowing import shadow_file

    file = shadow_file(loaded)
    first = datetime.fromtimestamp(since, UTC).date().isoformat() if since is not None else ""
    today = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
    return Account(
        spent_usd=file.spent_usd(today),
        budget_usd=loaded.settings.shadow.budget_usd_per_day,
        is_on=bool(loaded.settings.shadow.all_rules()),
        not_copied=file.not_copied(since_day=first),
    )


def _say_why_none(loaded: Loaded) -> None:
    say(NONE_YET if loaded.settings.shadow.all_rules() else OFF)
