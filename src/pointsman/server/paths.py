"""The paths beside the surfaces': which handler answers which method, and which methods a path takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from pointsman.server import (
    agent_paths,
    availability_paths,
    consent_paths,
    feedback_path,
    memory_path,
    metrics_path,
    ollama_paths,
    ours,
    stored,
)
from pointsman.server.family import MODEL_ACTION
from pointsman.server.table import SURFACES

if TYPE_CHECKING:
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State

Handler = Callable[["State", "Scope", "Receive", "Send"], Awaitable[None]]

EXACT: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "/"): ours.page,
    ("GET", "/models"): ours.models,
    ("GET", "/v1/models"): ours.models,
    ("GET", "/v1beta/models"): ours.models,
    ("GET", "/v1alpha/models"): ours.models,
    ("POST", "/v1/route"): ours.route,
    ("GET", "/v1/decisions"): ours.decisions,
    ("GET", "/v1/consents"): consent_paths.consents,
    ("GET", "/v1/agents"): agent_paths.agents,
    ("POST", "/v1/feedback"): feedback_path.give,
    ("GET", "/v1/availability"): availability_paths.show,
    ("DELETE", "/v1/availability"): availability_paths.reset,
    ("GET", "/v1/memory"): memory_path.memory,
    ("GET", "/metrics"): metrics_path.metrics,
    ("GET", "/healthz"): ours.healthz,
    ("GET", "/readyz"): ours.readyz,
    ("GET", "/api/hello"): ours.hello,
    ("GET", "/api/version"): ollama_paths.version,
    ("GET", "/api/tags"): ollama_paths.tags,
    ("GET", "/api/ps"): ollama_paths.ps,
    ("POST", "/api/show"): ollama_paths.show,
    ("POST", "/api/pull"): ollama_paths.pull,
    ("GET", "/v1/responses"): ours.no_websocket,
    ("GET", "/responses"): ours.no_websocket,
    ("POST", "/v1/responses/compact"): stored.compact,
    ("POST", "/responses/compact"): stored.compact,
}
PREFIXES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/models/", ours.model),
    ("GET", "/v1/models/", ours.model),
    ("GET", "/v1beta/models/", ours.model),
    ("GET", "/v1alpha/models/", ours.model),
    ("GET", "/v1/decisions/", ours.decision),
    ("POST", "/v1/consents/", consent_paths.answer),
    ("GET", "/v1/availability/", availability_paths.show),
    ("DELETE", "/v1/availability/", availability_paths.reset),
    ("GET", "/v1/responses/", stored.read),
    ("GET", "/responses/", stored.read),
    ("DELETE", "/v1/responses/", stored.delete),
    ("DELETE", "/responses/", stored.delete),
)
OPEN: Final = frozenset({"/", "/healthz", "/readyz", "/api/hello", "/api/version"})  # no key needed


def handler_of(method: str, path: str) -> Handler | None:
    """Who answers; None when nobody does."""
    if method == "HEAD":
        method = "GET"
    found = EXACT.get((method, path))
    if found is not None:
        return found
    return next((handler for verb, prefix, handler in PREFIXES if verb == method and path.startswith(prefix)), None)


def methods_of(path: str) -> list[str]:
    """The methods that *path* takes, none when there is nothing."""
    found = {method for method, exact in EXACT if exact == path}
    found |= {method for method, prefix, _ in PREFIXES if path.startswith(prefix) and path != prefix}
    if path in SURFACES or MODEL_ACTION.fullmatch(path):
        found.add("POST")
    return sorted(found)
