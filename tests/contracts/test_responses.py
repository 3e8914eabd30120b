"""What every store of answers promises: the SQLite one and the fake in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.responses import SqliteResponses
from pointsman.core.ports import ResponseStore, StoredResponse
from pointsman.testing import ManualClock, MemoryResponses

TTL_S = 60.0
KEPT = StoredResponse(
    id="resp_1",
    owner="k1",
    input=({"type": "message", "role": "user", "content": "Grüße \U0001f600"},),
    reply={"id": "resp_1", "output": [{"type": "message", "n": 1.5, "last": None}]},
    is_private=True,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A store and the clock it reads."""

    store: ResponseStore
    clock: ManualClock


@pytest.fixture(params=["sqlite", "memory"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Each store that there is."""
    clock = ManualClock(1_000.0)
    if request.param == "memory":
        yield Kept(MemoryResponses(ttl_s=TTL_S, clock=clock), clock)
        return
    with SqliteResponses(tmp_path / "responses.db", ttl_s=TTL_S, clock=clock) as store:
        yield Kept(store, clock)


async def test_an_answer_comes_back_as_it_was(kept: Kept) -> None:
    """Every field of it."""
    await kept.store.put(KEPT)
    assert await kept.store.get("resp_1", "k1") == KEPT


async def test_nobody_else_finds_it(kept: Kept) -> None:
    """Another key, or none, sees nothing and can delete nothing."""
    await kept.store.put(KEPT)
    assert [await kept.store.get("resp_1", owner) for owner in ("k2", None, "")] == [None, None, None]
    assert await kept.store.delete("resp_1", "k2") is False
    assert await kept.store.get("resp_1", "k1") == KEPT


async def test_callers_without_keys_share_their_answers(kept: Kept) -> None:
    """No key is one owner."""
    own = replace(KEPT, owner=None)
    await kept.store.put(own)
    assert await kept.store.get("resp_1", None) == own


async def test_the_same_id_again_takes_the_place(kept: Kept) -> None:
    """Of the same owner."""
    later = replace(KEPT, input=(), is_private=False)
    await kept.store.put(KEPT)
    await kept.store.put(later)
    assert await kept.store.get("resp_1", "k1") == later


async def test_what_is_deleted_is_gone(kept: Kept) -> None:
    """Once."""
    await kept.store.put(KEPT)
    assert [await kept.store.delete("resp_1", "k1") for _ in range(2)] == [True, False]
    assert await kept.store.get("resp_1", "k1") is None


async def test_an_answer_is_kept_for_its_time_only(kept: Kept) -> None:
    """To the second; afterwards it cannot even be deleted."""
    await kept.store.put(KEPT)
    kept.clock.advance(TTL_S - 1)
    assert await kept.store.get("resp_1", "k1") == KEPT
    kept.clock.advance(1)
    assert await kept.store.get("resp_1", "k1") is None
    assert await kept.store.delete("resp_1", "k1") is False
