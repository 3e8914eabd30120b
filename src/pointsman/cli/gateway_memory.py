"""What a running gateway says of the models in memory, beside what their own servers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.cli.memory import Held
from pointsman.core.local import Presence, Running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.config.load import Loaded
    from pointsman.core.jsontypes import Json, JsonObject

GATEWAY = "the gateway"
PRESENCES = frozenset(Presence)


def with_gateway(held: Sequence[Held], told: Mapping[str, Json] | None, loaded: Loaded) -> list[Held]:
    """*held*, with what the gateway has *told* of them, and after them the models that only it knows of.

    A model that is not in memory is among them while somebody waits for it.
    """
    if told is None:
        return list(held)
    rows = {str(row.get("model")): row for row in _rows(told, "models")}
    etas = {str(row.get("model")): _number(row, "eta_s") for row in _rows(told, "queue")}  # the last one's stays
    found = [_told(one, rows.pop(one.name), etas) if one.name in rows else one for one in held]
    windows = {model.id: model.context_tokens for model in loaded.gguf_models}
    for name, row in rows.items():
        presence = Presence(word) if (word := row.get("presence")) in PRESENCES else Presence.LOADED
        if presence is Presence.ABSENT and not row.get("waiting"):
            continue
        size = _number(row, "size_bytes")
        running = Running(
            model=name,
            presence=presence,
            total_bytes=int(size) if size is not None else None,
            context_tokens=windows.get(name),
        )
        at = GATEWAY if name in windows else str(row.get("runtime") or GATEWAY)
        found.append(_told(Held(name=name, endpoint=at, running=running), row, etas))
    return found


def _told(one: Held, row: JsonObject, etas: Mapping[str, float | None]) -> Held:
    busy, waiting = _number(row, "busy"), _number(row, "waiting")
    running = replace(one.running, busy=int(busy)) if busy is not None else one.running
    return replace(
        one,
        running=running,
        is_pinned=bool(row.get("pinned")),
        waiting=int(waiting or 0),
        eta_s=etas.get(one.name),
    )


def _rows(told: Mapping[str, Json], name: str) -> Iterator[JsonObject]:
    rows = told.get(name)
    yield from (dict(row) for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()


def _number(row: Mapping[str, Json], name: str) -> float | None:
    value = row.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
