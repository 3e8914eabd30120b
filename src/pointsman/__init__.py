"""Pointsman routes each AI request to the cheapest model that will do it well; private text stays on the machine.

import asyncio, pointsman

async def main() -> None:
    async with pointsman.open_router(pointsman.load_config("pointsman.yaml")) as router:
        reply = await router.complete(pointsman.ask("What time zone is Tokyo in?"))
        print(reply.choices[0].message.text)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.bootstrap import decide_only, embedded_models, load_config, open_router
    from pointsman.core.catalog import Catalog, ModelCard, Tier
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingRequest, Message, Role, Text, ask
    from pointsman.core.decision import Caller, Decision, Pick, PrivacyClass, RoutingContext, Struck
    from pointsman.core.errors import PointsmanError
    from pointsman.core.stream import StreamEvent, fold
    from pointsman.engine.router import Router
    from pointsman.routing.strategy import Constraint, Strategy

__all__ = [
    "Caller",
    "Catalog",
    "ChatReply",
    "ChatRequest",
    "Constraint",
    "Decision",
    "EmbeddingRequest",
    "Message",
    "ModelCard",
    "Pick",
    "PointsmanError",
    "PrivacyClass",
    "Role",
    "Router",
    "RoutingContext",
    "Strategy",
    "StreamEvent",
    "Struck",
    "Text",
    "Tier",
    "ask",
    "decide_only",
    "embedded_models",
    "fold",
    "load_config",
    "open_router",
]

_HOMES = {
    "bootstrap": ("decide_only", "embedded_models", "load_config", "open_router"),
    "core.catalog": ("Catalog", "ModelCard", "Tier"),
    "core.chat": ("ChatReply", "ChatRequest", "EmbeddingRequest", "Message", "Role", "Text", "ask"),
    "core.decision": ("Caller", "Decision", "Pick", "PrivacyClass", "RoutingContext", "Struck"),
    "core.errors": ("PointsmanError",),
    "core.stream": ("StreamEvent", "fold"),
    "engine.router": ("Router",),
    "routing.strategy": ("Constraint", "Strategy"),
}
_HOME_OF = {name: f"pointsman.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use: importing the package itself costs next to nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'pointsman' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
