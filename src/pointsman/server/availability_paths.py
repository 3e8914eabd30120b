"""The paths that show how well models and endpoints are, and reset them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from pointsman.core.errors import UnknownModel
from pointsman.engine.healths import of_catalog, to_json
from pointsman.resilience.availability import is_of
from pointsman.server.http import respond_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.health import Health
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State

_PREFIX = "/v1/availability/"


async def show(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Every model and endpoint, or those that the path names: its deployments, and an endpoint of that name."""
    healths = of_catalog(state.router.catalog, state.router.health.healths())
    await _respond(send, _named(state, scope, healths))


async def reset(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Forget what is known of all, or of those that the path names; what was forgotten."""
    named = _named(state, scope, of_catalog(state.router.catalog, ()))
    wanted = {(health.is_endpoint, health.subject) for health in named}
    names = dict.fromkeys(health.subject for health in named)
    forgotten = [health for name in names for health in state.router.health.reset(name)]
    await _respond(send, [health for health in forgotten if (health.is_endpoint, health.subject) in wanted])


def _named(state: State, scope: Scope, healths: Sequence[Health]) -> Sequence[Health]:
    """Those of *healths* that the path names; UnknownModel when there are none."""
    path = str(scope["path"])
    if not path.startswith(_PREFIX):
        return healths
    name = unquote(path.removeprefix(_PREFIX))
    model = state.router.catalog.resolve(name)
    found = [health for health in healths if is_of(health.subject, name) or is_of(health.subject, model)]
    if not found:
        message = f"No model and no endpoint is called {name[:200]!r}."
        raise UnknownModel(message, hint="See GET /v1/availability for the names there are.")
    return found


async def _respond(send: Send, healths: Sequence[Health]) -> None:
    await respond_json(send, 200, {"object": "list", "data": [to_json(health) for health in healths]})
