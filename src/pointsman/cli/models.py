"""`pointsman models`: the models one may ask for, and what is known about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pointsman.cli.figures import NOTHING, dollars, window
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.core.errors import NoModelAvailable

if TYPE_CHECKING:
    from rich.text import Text

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import JsonObject

EXAMPLES = """\b
Examples:
  pointsman models
  pointsman models --json | jq -r '.[].name'
"""


@click.group(invoke_without_command=True, short_help="List the models one may ask for.", epilog=EXAMPLES)
@json_option
@config_option
@click.pass_context
def models(context: click.Context, *, as_json: bool, config: str | None) -> None:
    """Show the models one may ask for: tiers, where they run, context, price."""
    if context.invoked_subcommand is None:
        print_models(config, as_json=as_json)


@models.command("list", epilog=EXAMPLES)
@json_option
@config_option
def list_models(*, as_json: bool, config: str | None) -> None:
    """The same as `pointsman models`."""
    print_models(config, as_json=as_json)


def print_models(config: str | None, *, as_json: bool) -> None:
    """The configured catalog on stdout."""
    from pointsman.cli.setup import HOW_TO_ADD, ready

    start = ready(config)
    catalog = start.loaded.catalog
    for line in start.found:
        say(f"found {line}")
    if as_json:
        print_json([model_json(card, catalog) for card in catalog.models])
        return
    if not catalog.models:
        raise NoModelAvailable("No model is configured, and none was found on this machine.", hint=" ".join(HOW_TO_ADD))
    print_table(catalog)


def print_table(catalog: Catalog) -> None:
    """Models, then the names that stand for others."""
    rows = table("MODEL", "TIER", "WHERE", "ENDPOINT", "CONTEXT", "$ IN/OUT PER M", right=("CONTEXT",))
    for card in catalog.models:
        rows.add_row(
            card.id,
            ", ".join(tiers_of(card, catalog)) or NOTHING,
            place(card),
            card.endpoint.name,
            window(card.context_tokens),
            _price(card),
        )
    print_data(rows)
    names = _other_names(catalog)
    if names:
        click.echo()
    for name in names:
        click.echo(name)


def tiers_of(card: ModelCard, catalog: Catalog) -> list[str]:
    """The tiers of `auto` that *card* serves."""
    tiers = catalog.auto.tiers if catalog.auto else {}
    return [tier.value for tier, names in tiers.items() if card.name in names]


def place(card: ModelCard) -> Text:
    """`local`, `cloud` or `demo`."""
    from rich.text import Text

    if card.is_demo:
        return Text("demo", style="yellow")
    return Text("local", style="green") if card.is_local else Text("cloud", style="blue")


def model_json(card: ModelCard, catalog: Catalog) -> JsonObject:
    """One card as JSON; a price that is not known is null."""
    price = card.price
    return {
        "id": card.id,
        "name": card.name,
        "upstream_model": card.upstream_model,
        "endpoint": card.endpoint.name,
        "dialect": card.endpoint.dialect,
        "tiers": list(tiers_of(card, catalog)),
        "local": card.is_local,
        "demo": card.is_demo,
        "context_tokens": card.context_tokens,
        "max_output_tokens": card.max_output_tokens,
        "lacks": sorted(capability.value for capability in card.lacks),
        "price_usd_per_mtok": None
        if price is None
        else {
            "input": price.input_usd_per_mtok,
            "output": price.output_usd_per_mtok,
            "cached_input": price.cached_input_usd_per_mtok,
            "cache_write": price.cache_write_usd_per_mtok,
        },
        "aliases": sorted(alias for alias in catalog.aliases if catalog.resolve(alias) == card.name),
    }


def _price(card: ModelCard) -> str:
    if card.price is None:
        return NOTHING
    if card.price.input_usd_per_mtok == card.price.output_usd_per_mtok == 0:
        return "free"
    return f"{dollars(card.price.input_usd_per_mtok)} / {dollars(card.price.output_usd_per_mtok)}"


def _other_names(catalog: Catalog) -> list[str]:
    routers = [
        f"{router.name} chooses: "
        + "; ".join(f"{tier.value} → {', '.join(names)}" for tier, names in sorted(router.tiers.items(), key=_rank))
        if router.tiers
        else f"{router.name} means {router.default_model}"
        for router in catalog.routers
    ]
    aliases = [f"{alias} means {target}" for alias, target in sorted(catalog.aliases.items())]
    return routers + aliases


def _rank(entry: tuple[object, object]) -> int:
    return getattr(entry[0], "rank", 0)
