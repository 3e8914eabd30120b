"""What Ollama's clients ask beside answers: which models there are, which are ready, what one is, and its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.config.sizes import billions_of_parameters
from pointsman.core.catalog import Capability
from pointsman.core.errors import UnknownModel
from pointsman.core.local import Presence
from pointsman.dialects import fields
from pointsman.dialects.ollama import listing as ollama
from pointsman.dialects.ollama.surface_reply import line
from pointsman.server.http import read_body, respond, respond_json
from pointsman.server.listing import listing
from pointsman.server.surfaces import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.server.http import Header, Receive, Scope, Send
    from pointsman.server.state import State

_LINES: Header = (b"content-type", b"application/x-ndjson")
_WORDS = {
    Capability.CHAT: "completion",
    Capability.TOOLS: "tools",
    Capability.IMAGES: "vision",
    Capability.EMBEDDINGS: "embedding",
}


async def version(_state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """The release of Ollama whose API this is."""
    await respond_json(send, 200, ollama.version())


async def tags(state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Every name a caller may send."""
    await respond_json(send, 200, ollama.tags(listed(state.router.catalog)))


async def ps(state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """The models of this machine that are in memory; where that is not ours to know, all of them."""
    catalog = state.router.catalog
    here = in_memory(state.memory())
    local = {
        name: [size for card in cards if card.is_local and (size := here.get(card.id, 0)) is not None]
        for name, cards in catalog.pools.items()
    }
    rows = (
        replace(one, size_bytes=sum(sizes), vram_bytes=sum(sizes)) if (sizes := local.get(one.name)) else None
        for one in listed(catalog)
    )
    await respond_json(send, 200, ollama.ps(row for row in rows if row is not None))


def in_memory(view: Mapping[str, Json]) -> dict[str, int | None]:
    """By card's id what a model takes of the memory as *view* (`/v1/memory`) tells, 0 if not known; None: not there."""
    rows = view.get("models")
    found: dict[str, int | None] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping):
            size = row.get("size_bytes")
            known = int(size) if isinstance(size, (int, float)) else 0
            found[str(row.get("model"))] = known if row.get("presence") == Presence.LOADED else None
    return found


async def show(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """What is known about one name."""
    wanted = await _named(state, scope, receive)
    catalog = state.router.catalog
    found = {one.name: one for one in listed(catalog)}
    model = found.get(wanted) or found.get(catalog.resolve(wanted))
    if model is None:
        raise _unknown(wanted)
    await respond_json(send, 200, ollama.show(model))


async def pull(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """A name that would be answered is here already; nothing is ever fetched."""
    wanted = await _named(state, scope, receive)
    decider = state.router.decider
    if decider.refuse_unknown_models and not decider.is_known(wanted):
        raise _unknown(wanted)
    await respond(send, 200, line(ollama.pulled()), content=_LINES)


def listed(catalog: Catalog) -> list[ollama.Listed]:
    """Every name with what stands behind it."""
    return [_listed(entry, catalog) for entry in listing(catalog)]


def _listed(entry: JsonObject, catalog: Catalog) -> ollama.Listed:
    name, about = str(entry["id"]), entry["pointsman"]
    leads_to = about.get("models") if isinstance(about, dict) else None
    names = [str(one) for one in leads_to] if isinstance(leads_to, list) else [name]
    cards = [card for one in names for card in catalog.pools.get(catalog.resolve(one), ())]
    windows = [card.context_tokens for card in cards if card.context_tokens is not None]
    return ollama.Listed(
        name=name,
        parameter_size=_size(cards) if leads_to is None else "",
        context_tokens=min(windows, default=None),
        capabilities=tuple(word for can, word in _WORDS.items() if any(can not in card.lacks for card in cards)),
    )


def _size(cards: Sequence[ModelCard]) -> str:
    billions = billions_of_parameters(cards[0].upstream_model) if cards else None
    return f"{billions:g}B" if billions is not None else ""


async def _named(state: State, scope: Scope, receive: Receive) -> str:
    body = (await parsed(await read_body(scope, receive, state.max_body_bytes))).value
    return fields.string(body, "model") or fields.required_string(body, "name")


def _unknown(name: str) -> UnknownModel:
    return UnknownModel(f"The model {name[:200]!r} does not exist.", hint="See /api/tags for the names there are.")
