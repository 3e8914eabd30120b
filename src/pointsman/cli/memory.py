"""`pointsman models ps`, `load` and `unload`: what the servers on this machine have in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pointsman.cli.figures import NOTHING, duration, size, window
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.core.errors import NoModelAvailable, RuntimeUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.config.load import Loaded
    from pointsman.core.catalog import ModelCard
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.local import Running

PS_EXAMPLES = """\b
Examples:
  pointsman models ps
  pointsman models ps --json | jq -r '.[].model'
"""
LOAD_EXAMPLES = """\b
Examples:
  pointsman models load quick
"""
UNLOAD_EXAMPLES = """\b
Examples:
  pointsman models unload heavy
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A model in a server's memory, by the name that the configuration gives it.

    The rest is the gateway's to say, None where none answers: who waits for it, and how long the last will have to.
    """

    name: str
    endpoint: str
    running: Running
    is_pinned: bool | None = None
    waiting: int | None = None
    eta_s: float | None = None


@click.command(short_help="Show the models in memory.", epilog=PS_EXAMPLES)
@json_option
@config_option
def ps(*, as_json: bool, config: str | None) -> None:
    """Show what the servers of local models have in memory: how much it takes, whether it is busy, how long it stays.

    The gateway that runs with this configuration is asked too: for its GGUF files, what is pinned, and who waits.
    """
    import asyncio

    from pointsman.cli.gateway_memory import with_gateway
    from pointsman.cli.setup import ready
    from pointsman.household import gateway_memory, gateway_url

    loaded = ready(config).loaded
    told = asyncio.run(gateway_memory(loaded))
    if told is None and loaded.gguf_models:
        say(f"No gateway answers at {gateway_url(loaded)}: its GGUF files are not shown.")
    held = with_gateway(asyncio.run(_held(loaded)), told, loaded)
    if as_json:
        print_json([_json(one) for one in held])
    elif held:
        _print(held)
    else:
        say("No model is in memory.")


@click.command(short_help="Bring a model into memory.", epilog=LOAD_EXAMPLES)
@click.argument("name")
@json_option
@config_option
def load(name: str, *, as_json: bool, config: str | None) -> None:
    """Bring the model NAME into its server's memory, with the context that its requests use."""
    import asyncio

    from pointsman.cli.setup import ready

    loaded = ready(config).loaded
    began = time.monotonic()
    held = asyncio.run(_load(local_card(name, loaded), loaded))
    if as_json:
        print_json(_json(held))
        return
    takes = f", {size(held.running.total_bytes)}" if held.running.total_bytes else ""
    click.echo(
        f"{held.name} is in memory at {held.endpoint}{takes}, after {duration((time.monotonic() - began) * 1e3)}"
    )


@click.command(short_help="Take a model out of memory.", epilog=UNLOAD_EXAMPLES)
@click.argument("name")
@json_option
@config_option
def unload(name: str, *, as_json: bool, config: str | None) -> None:
    """Take the model NAME out of its server's memory, once its requests are over."""
    import asyncio

    from pointsman.cli.setup import ready

    loaded = ready(config).loaded
    card = local_card(name, loaded)
    asyncio.run(_unload(card, loaded))
    if as_json:
        print_json({"model": card.id, "endpoint": card.endpoint.name})
    else:
        click.echo(f"{card.id} is out of memory at {card.endpoint.name}")


async def _held(loaded: Loaded) -> list[Held]:
    from pointsman.household import open_runtimes

    found = []
    async with open_runtimes(loaded) as houses:
        for house in houses:
            try:
                running = await house.runtime.running()
            except RuntimeUnavailable as error:
                say(f"warning: {error}")
                continue
            for one in running:
                card = house.cards.get(one.model)
                found.append(Held(name=card.id if card else one.model, endpoint=house.endpoint, running=one))
    return found


async def _load(card: ModelCard, loaded: Loaded) -> Held:
    from pointsman.household import open_runtimes

    async with open_runtimes(loaded) as houses:
        for house in houses:
            if house.endpoint == card.endpoint.name:
                running = await house.runtime.load(card.upstream_model)
                return Held(name=card.id, endpoint=house.endpoint, running=running)
    raise _unmanaged(card)


async def _unload(card: ModelCard, loaded: Loaded) -> None:
    from pointsman.household import open_runtimes

    async with open_runtimes(loaded) as houses:
        for house in houses:
            if house.endpoint == card.endpoint.name:
                await house.runtime.unload(card.upstream_model)
                return
    raise _unmanaged(card)


def local_card(name: str, loaded: Loaded) -> ModelCard:
    """The local model that *name* stands for; a usage error when there is none."""
    from pointsman.cli.names import require_known

    require_known(name, loaded.catalog, said_by="NAME")
    cards = loaded.catalog.pools.get(loaded.catalog.resolve(name), ())
    found = next((card for card in cards if card.is_local), None) or loaded.catalog.by_id.get(name)
    if found is None or not found.is_local:
        raise click.UsageError(f"NAME: {name[:200]!r} is no local model.")
    return found


def _unmanaged(card: ModelCard) -> NoModelAvailable:
    if card.endpoint.base_url.startswith("embedded:"):
        message = f"{card.id} is a GGUF file: the gateway has it in memory, from its start or as requests need it."
        return NoModelAvailable(
            message, hint="`pointsman models ps` shows it; `local: {vram: auto}` loads it when it is asked for."
        )
    message = f"The server at {card.endpoint.base_url} cannot be told what to have in memory."
    return NoModelAvailable(message, hint="Ollama, LM Studio, llama-server, llama-swap, vLLM and LiteRT-LM can.")


def _print(held: Sequence[Held]) -> None:
    waits = ("WAITING",) if any(one.waiting for one in held) else ()
    rows = table("MODEL", "AT", "STATE", "MEMORY", "CONTEXT", "STAYS", *waits, right=("MEMORY", "CONTEXT"))
    for one in held:
        running = one.running
        cells = [
            one.name,
            one.endpoint,
            _state(running),
            _memory(running),
            window(running.context_tokens),
            _stays(one),
        ]
        rows.add_row(*cells, *(_waiting(one) for _ in waits))
    print_data(rows)


def _stays(one: Held) -> str:
    if one.is_pinned:
        return "pinned"
    until_s = one.running.until_s
    return NOTHING if until_s is None else duration(max(0.0, until_s - time.time()) * 1e3)


def _waiting(one: Held) -> str:
    if not one.waiting:
        return NOTHING
    return f"{one.waiting}, the last {duration(one.eta_s * 1e3)}" if one.eta_s is not None else str(one.waiting)


def _state(running: Running) -> str:
    if running.progress is not None:
        return f"{running.presence.value} {running.progress:.0%}"
    return f"busy with {running.busy}" if running.busy else running.presence.value


def _memory(running: Running) -> str:
    if running.total_bytes is None:
        return NOTHING
    if running.vram_bytes is None or running.vram_bytes >= running.total_bytes:
        return size(running.total_bytes)
    return f"{size(running.total_bytes)}, {running.vram_bytes / max(running.total_bytes, 1):.0%} on the GPU"


def _json(held: Held) -> JsonObject:
    running = held.running
    return {
        "model": held.name,
        "upstream_model": running.model,
        "endpoint": held.endpoint,
        "presence": running.presence.value,
        "total_bytes": running.total_bytes,
        "vram_bytes": running.vram_bytes,
        "context_tokens": running.context_tokens,
        "slots": running.slots,
        "busy": running.busy,
        "until_s": running.until_s,
        "progress": running.progress,
        "pinned": held.is_pinned,
        "waiting": held.waiting,
        "eta_s": held.eta_s,
    }
