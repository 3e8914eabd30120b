"""What two routers over one ledger remember of sessions together, and where there is nothing to share."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from pointsman.adapters.storage.sessions import SqliteSessions, sessions_path
from pointsman.bootstrap import make_router, open_router
from pointsman.config.load import Loaded, loaded_from
from pointsman.config.schema import Settings
from pointsman.continuity import shared_sessions
from pointsman.core.catalog import Tier
from pointsman.core.chat import ask
from pointsman.core.decision import Caller
from pointsman.core.session import Answer, Pin
from pointsman.engine.lessons import Signs
from pointsman.engine.router import Router
from pointsman.experience import reading_signs

CALLER = Caller(session="s", key_id="k")
REQUEST = ask("hi")
ANSWER = Answer(decision_id="d1", router="auto", tier=Tier.SIMPLE, kind="coding", difficulty=0.3, served="small")
OFF = {"sessions": {"enabled": False}, "escalation": {"enabled": False}, "learning": {"enabled": False}}


def configured(folder: Path, **more: object) -> Loaded:
    """A small and a large model, in a gateway of two processes."""
    models = [
        {"name": name, "model": "m", "base_url": "http://127.0.0.1:9/v1", "local": True, "tier": tier}
        for name, tier in (("small", "simple"), ("large", "complex"))
    ]
    given = {"ledger": {"path": str(folder / "ledger.db")}, "server": {"workers": 2}, "models": models, **more}
    return loaded_from(Settings.model_validate(given))


def pin_of(router: Router) -> Pin | None:
    """Where the caller's session stands there."""
    sessions = router.decider.sessions
    assert sessions is not None
    key = sessions.key_of(REQUEST, CALLER)
    return sessions.store.get(key) if key is not None else None


def stand(router: Router, tier: Tier) -> None:
    """The session stands there as of now, and others are told."""
    sessions = router.decider.sessions
    assert sessions is not None
    key = sessions.key_of(REQUEST, CALLER)
    assert key is not None
    pin = Pin(tier=tier, router="auto", card="large", at_s=sessions.clock())
    sessions.store.put(key, pin)
    assert sessions.tell is not None
    sessions.tell((key, pin, sessions.idle_s))


async def known(router: Router) -> None:
    """Return once the session is known there."""
    began = time.monotonic()
    while True:
        if pin_of(router) is not None:
            return
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.01)


async def test_what_one_remembers_the_other_hears_and_the_next_one_knows(tmp_path: Path) -> None:
    """A session's tier, and who was raised, of the same caller; at once after a start."""
    loaded = configured(tmp_path)
    async with open_router(loaded) as here, open_router(loaded) as there:
        stand(here, Tier.COMPLEX)
        assert here.decider.escalations is not None
        here.decider.escalations.remember(CALLER, REQUEST, Tier.COMPLEX)
        await known(there)
    async with open_router(loaded) as restarted:
        found = pin_of(restarted)
        assert found is not None
        assert (found.tier, found.card) == (Tier.COMPLEX, "large")
        assert restarted.decider.escalations is not None
        raised = restarted.decider.escalations._known(CALLER, REQUEST)
        assert raised is not None
        assert (raised.tier, raised.messages) == (Tier.COMPLEX, 1)


@pytest.mark.parametrize("more", [OFF, {"ledger": {"enabled": False}}], ids=["nothing to remember", "no ledger"])
async def test_nothing_is_written_where_nothing_is_shared(tmp_path: Path, more: dict[str, object]) -> None:
    """Each request stands alone, or each process does."""
    async with open_router(configured(tmp_path, **more)) as router:
        sessions = router.decider.sessions
        assert sessions is None or sessions.tell is None
    assert not sessions_path(tmp_path / "ledger.db").exists()


async def test_what_was_asked_is_known_to_who_looks_for_signs(tmp_path: Path) -> None:
    """And passed over where nobody does: a gateway with other settings may share the file."""
    with SqliteSessions(sessions_path(tmp_path / "ledger.db")) as board:
        board.tell((b"k" * 16, ANSWER, 60.0))
    loaded = configured(tmp_path)
    with reading_signs(loaded, loaded.catalog, wanted=True) as signs:
        router = make_router(loaded, loaded.catalog)
        async with shared_sessions(loaded, router.decider, signs, wanted=True):
            (one,) = signs
            assert isinstance(one, Signs)
            assert list(one._answers.values()) == [ANSWER]
    async with open_router(configured(tmp_path, learning={"enabled": False})) as router:
        assert pin_of(router) is None


async def test_what_is_of_no_use_here_is_passed_over(tmp_path: Path) -> None:
    """A gateway that holds no sessions and raises nobody may share the file with one that does."""
    async with open_router(configured(tmp_path)) as here:
        stand(here, Tier.COMPLEX)
        assert here.decider.escalations is not None
        here.decider.escalations.remember(CALLER, REQUEST, Tier.COMPLEX)
    learning = {**OFF, "learning": {"enabled": True}}
    async with open_router(configured(tmp_path, **learning)) as there:
        assert (there.decider.sessions, there.decider.escalations) == (None, None)
