"""`pointsman what-if`: what recorded traffic would have cost on other models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.bars import Advance, bars
from pointsman.cli.options import TIER_NAMES, ModelName, config_option, json_option, since_option
from pointsman.cli.output import print_json, say
from pointsman.cli.replay import recorded, replaying
from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.evals.what_if import WhatIf, Wish

EXAMPLES = """\b
Examples:
  pointsman what-if --all-on gpt-5 --since 7d
  pointsman what-if --tier simple=qwen --tier medium=qwen
  pointsman what-if --swap gpt-5=claude --svg costs.svg
  pointsman what-if --with other.yaml --json
"""


@click.command("what-if", short_help="What recorded traffic would cost elsewhere.", epilog=EXAMPLES)
@click.option("-m", "--all-on", "--model", "all_on", type=ModelName(), help="All requests on this model.")
@click.option(
    "--tier", "--tier-of", "tiers", multiple=True, metavar="TIER=MODEL", help="Those of this tier on this model."
)
@click.option("--swap", "swaps", multiple=True, metavar="A=B", help="Those that model A answered on model B.")
@click.option("--with", "other", type=click.Path(), metavar="FILE", help="As this configuration decides them.")
@since_option
@click.option("--svg", type=click.Path(), metavar="FILE", help="Write a chart of the costs by day there.")
@json_option
@config_option
def what_if(
    all_on: str | None,
    tiers: tuple[str, ...],
    swaps: tuple[str, ...],
    other: str | None,
    since: float | None,
    *,
    svg: str | None,
    as_json: bool,
    config: str | None,
) -> int:
    """What the recorded requests would have cost on other models, and which would have served them.

    From the tokens that were used and the prices of the configuration, by day and by who asked. Private requests stay
    on this machine, and what is too long for a model's window stays where it was. No model is called.
    """
    from pointsman.evals.what_if import elsewhere
    from pointsman.evals.what_if import what_if as added_up

    wishes = [all_on is not None, bool(tiers), bool(swaps), other is not None]
    if sum(wishes) != 1 and wishes != [False, True, True, False]:
        message = "Give one of --all-on MODEL, --with FILE, or --tier TIER=MODEL and --swap A=B."
        raise click.UsageError(message, click.get_current_context())
    rows = recorded(config, None, since, None)
    with bars() as bar:
        if other is not None:
            wish = _decided(rows, other, bar("deciding", len(rows)))
        else:
            wish = _wished(_catalog(config), all_on, tiers, swaps)
        found = added_up(elsewhere(rows, wish))
    if not found.total.requests:
        raise InvalidRequest("No recorded request was answered with tokens that are known.")
    _show(found, svg, as_json=as_json)
    return 0


def _decided(rows: Sequence[LedgerRow], other: str, advance: Advance) -> Wish:
    """Where the configuration *other* sends each of *rows*; who is refused stays."""
    from pointsman.cli.setup import configuration

    cards = configuration(other).catalog.by_id
    found: dict[str, ModelCard] = {}
    with replaying(other) as again:
        for one in again(rows):
            advance(1)
            if one.after is not None:
                found[one.row.id] = cards[one.after.candidates[0]]
    return lambda row: found.get(row.id)


def _wished(catalog: Catalog, all_on: str | None, tiers: Sequence[str], swaps: Sequence[str]) -> Wish:
    """A swap of the model counts before the one of its tier."""
    if all_on is not None:
        card = _card(catalog, all_on, "--all-on")
        return lambda _row: card
    by_tier = {_tier(one): _card(catalog, one.partition("=")[2], "--tier") for one in tiers}
    by_model: dict[str, ModelCard] = {}
    for one in swaps:
        before, sign, after = one.partition("=")
        if not before or not sign:
            message = f"--swap should be A=B, such as gpt-5=claude; it is {one!r}."
            raise click.UsageError(message, click.get_current_context())
        by_model[catalog.resolve(before)] = _card(catalog, after, "--swap")
    return lambda row: _of(row, catalog.by_id, by_model, by_tier)


def _of(
    row: LedgerRow, cards: Mapping[str, ModelCard], by_model: Mapping[str, ModelCard], by_tier: Mapping[str, ModelCard]
) -> ModelCard | None:
    served = cards.get(row.served or "")
    name = served.name if served is not None else row.served or ""
    return by_model.get(name) or by_tier.get(row.tier or "")


def _tier(text: str) -> str:
    from pointsman.core.catalog import Tier

    name, sign, _ = text.partition("=")
    tier = Tier.parse(name)
    if tier is None or not sign:
        message = f"--tier should be TIER=MODEL, with a tier of {', '.join(TIER_NAMES)}; it is {text!r}."
        raise click.UsageError(message, click.get_current_context())
    return tier.value


def _card(catalog: Catalog, name: str, option: str) -> ModelCard:
    """The model called *name*, which has a price; a usage error names the nearest names."""
    from pointsman.cli.names import require_known

    pool = catalog.pools.get(catalog.resolve(name), ())
    if not pool:
        require_known(name, catalog, said_by=option)
        raise InvalidRequest(f"{option}: {name!r} is a choice among models.", hint="Name one model.")
    if pool[0].price is None:
        raise InvalidRequest(
            f"{option}: the price of {name!r} is not known.",
            hint="Give it in the configuration: `price: {input_usd_per_mtok: …, output_usd_per_mtok: …}`.",
        )
    return pool[0]


def _catalog(config: str | None) -> Catalog:
    from pointsman.cli.setup import configuration

    return configuration(config).catalog


def _show(found: WhatIf, svg: str | None, *, as_json: bool) -> None:
    from pointsman.cli.what_if_tables import chart, print_what_if, what_if_json

    if svg is not None:
        try:
            Path(svg).write_text(chart(found), encoding="utf-8")
        except OSError as error:
            raise InvalidRequest(f"--svg: {svg} cannot be written ({error.strerror}).") from error
        say(f"wrote {svg}")
    if as_json:
        print_json(what_if_json(found))
    else:
        print_what_if(found)
