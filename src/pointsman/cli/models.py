"""`pointsman models`: the models one may ask for, what is known about each, and how well they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pointsman.cli.bench import bench
from pointsman.cli.figures import NOTHING, dollars, window
from pointsman.cli.memory import load, ps, unload
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.cli.pull import pull, remove
from pointsman.cli.recommend import recommend
from pointsman.core.errors import ConfigError, NoModelAvailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.health import Health
    from pointsman.core.jsontypes import JsonObject

EXAMPLES = """\b
Examples:
  pointsman models
  pointsman models --json | jq -r '.[].name'
"""
RESET_EXAMPLES = """\b
Examples:
  pointsman models reset
  pointsman models reset gemini-pro
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


@models.command(short_help="Have models asked again that are left alone.", epilog=RESET_EXAMPLES)
@click.argument("name", required=False)
@json_option
@config_option
def reset(name: str | None, *, as_json: bool, config: str | None) -> None:
    """Have models asked again that gateways leave alone, because they failed or are out of quota.

    NAME is a model (with its endpoint) or an endpoint; without it all are meant. Running gateways hear of it within a
    second.
    """
    from pointsman.cli.setup import ready
    from pointsman.engine.healths import in_words, to_json
    from pointsman.stores import reset_healths

    loaded = ready(config).loaded
    forgotten = reset_healths(loaded, _meant(name, loaded.catalog))
    if as_json:
        print_json([to_json(health) for health in forgotten])
        return
    for health in forgotten:
        click.echo(f"{health.subject} was {in_words(health, time.time())}; it is asked again")
    if not forgotten:
        say("Nothing to reset: nobody is known to be unwell.")


def _meant(name: str | None, catalog: Catalog) -> set[str]:
    """The cards and endpoints that *name* means; a usage error when there are none."""
    from pointsman.cli.names import require_known
    from pointsman.engine.healths import named

    if name is None:
        return {card.id for card in catalog.models} | {card.endpoint.name for card in catalog.models}
    meant = {subject for _, subject in named(catalog, name)}
    if not meant:
        require_known(name, catalog, said_by="NAME")
        raise click.UsageError(f"NAME: {name[:200]!r} stands for several models; name one", click.get_current_context())
    return meant


for _command in (ps, load, unload, pull, remove, recommend, bench):
    models.add_command(_command)


def print_models(config: str | None, *, as_json: bool) -> None:
    """The configured catalog on stdout."""
    from pointsman.cli.setup import HOW_TO_ADD, ready

    start = ready(config)
    catalog = start.loaded.catalog
    for line in start.found:
        say(f"found {line}")
    if not catalog.models and not as_json:
        raise NoModelAvailable("No model is configured, and none was found on this machine.", hint=" ".join(HOW_TO_ADD))
    unwell = _unwell(start.loaded)
    if as_json:
        print_json([{**model_json(card, catalog), "health": _health_json(card, unwell)} for card in catalog.models])
    else:
        print_table(catalog, unwell)


def _unwell(loaded: Loaded) -> Sequence[Health] | None:
    """Who is not well, as gateways on this machine have told; None when none of them ever has."""
    from pointsman.stores import known_healths

    try:
        return known_healths(loaded)
    except ConfigError as error:
        say(f"warning: {error}")
        return None


def print_table(catalog: Catalog, unwell: Sequence[Health] | None = None) -> None:
    """Models, with their state where it is known, then the names that stand for others."""
    columns = ("MODEL", "TIER", "WHERE", "ENDPOINT", "CONTEXT", "$ IN/OUT PER M")
    rows = table(*columns, *(("STATE",) if unwell is not None else ()), right=("CONTEXT",))
    for card in catalog.models:
        rows.add_row(
            card.id,
            ", ".join(tiers_of(card, catalog)) or NOTHING,
            place(card),
            card.endpoint.name,
            window(card.context_tokens),
            _price(card),
            *((_state(card, unwell),) if unwell is not None else ()),
        )
    print_data(rows)
    names = _other_names(catalog)
    if names:
        click.echo()
    for name in names:
        click.echo(name)


def _state(card: ModelCard, unwell: Sequence[Health]) -> Text:
    """How *card* is, in a few words."""
    from rich.text import Text

    from pointsman.engine.healths import in_words, of_card

    health = of_card(card, unwell)
    return Text(in_words(health, time.time()), style="green" if health.cause is None else "red")


def _health_json(card: ModelCard, unwell: Sequence[Health] | None) -> JsonObject | None:
    from pointsman.engine.healths import of_card, to_json

    return to_json(of_card(card, unwell)) if unwell is not None else None


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
    presets = [
        f"{preset.name} is for {preset.model or (f'tier {preset.tier}' if preset.tier else 'any tier')}"
        + (f": {preset.description}" if preset.description else "")
        for preset in catalog.presets.values()
    ]
    return routers + aliases + presets


def _rank(entry: tuple[object, object]) -> int:
    return getattr(entry[0], "rank", 0)
