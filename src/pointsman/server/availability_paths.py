"""The paths that show how well models and endpoints are, and reset them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from pointsman.core.errors import UnknownModel
from pointsman.engine.healths import named, of_catalog, to_json
from pointsman.server.http import respond_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.health import Health
    from pointsman.engine.healths import Who
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State

_PREFIX = "/v1/availability/"


async def show(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Every model and endpoint, or those that the path names."""
    wanted = _wanted(state, scope)
    healths = of_catalog(state.router.catalog, state.router.health.healths())
    await _respond(send, [health for health in healths if (health.is_endpoint, health.subject) in wanted])


async def reset(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Forget what is known of all, or of those that the path names; what was forgotten."""
    names = dict.fromkeys(subject for _, subject in _wanted(state, scope))
    await _respond(send, [health for name in names for health in state.router.health.reset(name)])


def _wanted(state: State, scope: Scope) -> Sequence[Who]:
    """Those that the path names, all if it names none; UnknownModel when nobody is called so."""
    path, catalog = str(scope["path"]), state.router.catalog
    if not path.startswith(_PREFIX):
        return [(health.is_endpoint, health.subject) for health in of_catalog(catalog, ())]
    name = unquote(path.removeprefix(_PREFIX))
    found = named(catalog, name)
    if not found:
        message = f"No model and no endpoint is called {name[:200]!r}."
        raise UnknownModel(message, hint="See GET /v1/availability for the names there are.")
    return found


async def _respond(send: Send, healths: Sequence[Health]) -> None:
    await respond_json(send, 200, {"object": "list", "data": [to_json(health) for health in healths]})
