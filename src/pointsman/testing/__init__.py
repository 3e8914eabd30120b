"""Fakes at the ports, for our own tests and for those of programs that build on Pointsman."""

from pointsman.testing.catalogs import CLOUD_PRICE, a_card, a_catalog, a_router, an_endpoint
from pointsman.testing.clock import ManualClock
from pointsman.testing.healths import MemoryHealths, SharedHealths
from pointsman.testing.provider import Answers, Fails, FakeProvider, FakeResponse, Hangs
from pointsman.testing.responses import MemoryResponses
from pointsman.testing.runtime import FakeRuntime
from pointsman.testing.sessions import MemorySessions

__all__ = [
    "CLOUD_PRICE",
    "Answers",
    "Fails",
    "FakeProvider",
    "FakeResponse",
    "FakeRuntime",
    "Hangs",
    "ManualClock",
    "MemoryHealths",
    "MemoryResponses",
    "MemorySessions",
    "SharedHealths",
    "a_card",
    "a_catalog",
    "a_router",
    "an_endpoint",
]
