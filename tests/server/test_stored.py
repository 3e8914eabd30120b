"""Stored answers over HTTP: read, listed, deleted by their owner, unknown to everybody else."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Secret
from pointsman.core.jsontypes import JsonObject
from pointsman.core.ports import StoredResponse
from pointsman.server.guard import Guard
from pointsman.testing import MemoryResponses
from tests.server.asgi import HOST, app_of, ask, scope_of

ASKED: JsonObject = {"type": "message", "role": "user", "content": "Who?"}
NAMED: JsonObject = {"id": "msg_7", "type": "message", "role": "assistant", "content": []}
KEPT = StoredResponse(id="resp_1", owner=None, input=(ASKED, NAMED), reply={"id": "resp_1", "object": "response"})


async def a_store() -> MemoryResponses:
    """One with an answer in it."""
    store = MemoryResponses()
    await store.put(KEPT)
    return store


@pytest.mark.parametrize("prefix", ["/v1", ""])
async def test_an_answer_can_be_read_again(prefix: str) -> None:
    """As it was given."""
    answer = await ask(app_of(responses=await a_store()), scope_of(HOST, path=f"{prefix}/responses/resp_1"))
    assert (answer.status, answer.json) == (200, KEPT.reply)


async def test_what_it_was_an_answer_to_can_be_listed() -> None:
    """Each item with an id."""
    answer = await ask(app_of(responses=await a_store()), scope_of(HOST, path="/v1/responses/resp_1/input_items"))
    assert answer.json == {
        "object": "list",
        "data": [{"id": "item_0", **ASKED}, NAMED],
        "first_id": "item_0",
        "last_id": "msg_7",
        "has_more": False,
    }


async def test_an_answer_can_be_deleted_once() -> None:
    """And then it is gone."""
    app = app_of(responses=await a_store())
    scope = scope_of(HOST, path="/v1/responses/resp_1", method="DELETE")
    deleted, again = await ask(app, scope), await ask(app, scope)
    assert (deleted.status, deleted.json) == (200, {"id": "resp_1", "object": "response", "deleted": True})
    assert (again.status, again.json["error"]["code"]) == (404, "response_not_found")


@pytest.mark.parametrize("path", ["/v1/responses/resp_2", "/v1/responses/resp_2/input_items"])
@pytest.mark.parametrize("has_store", [True, False])
async def test_an_unknown_one_is_a_404(path: str, has_store: bool) -> None:  # noqa: FBT001
    """With its id; the same where nothing is kept at all."""
    answer = await ask(app_of(responses=await a_store() if has_store else None), scope_of(HOST, path=path))
    assert (answer.status, answer.json["error"]["message"]) == (404, "Response with id 'resp_2' not found.")


async def test_another_key_does_not_find_it() -> None:
    """It belongs to the key that asked."""
    store = MemoryResponses()
    guard = Guard(keys=(Secret("sk-one"), Secret("sk-two")), any_host=True)
    mine = guard.authenticate(scope_of((b"x-api-key", b"sk-one")))
    await store.put(StoredResponse(id="resp_1", owner=mine, input=(), reply={"id": "resp_1"}))
    app = app_of(responses=store, guard=guard)
    answers = [
        await ask(app, scope_of(HOST, (b"x-api-key", key), path="/v1/responses/resp_1"))
        for key in (b"sk-one", b"sk-two", b"sk-three")
    ]
    assert [answer.status for answer in answers] == [200, 404, 401]


async def test_compacting_is_left_to_the_program() -> None:
    """Codex does it by itself then."""
    answer = await ask(app_of(), scope_of(HOST, path="/v1/responses/compact", method="POST"))
    assert (answer.status, answer.json["error"]["type"]) == (404, "invalid_request_error")
    assert "does not compact" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"), [(((b"upgrade", b"websocket"), (b"connection", b"Upgrade")), 426), ((), 405)]
)
async def test_there_is_no_websocket(headers: tuple[tuple[bytes, bytes], ...], status: int) -> None:
    """Codex stops trying at 426."""
    answer = await ask(app_of(), scope_of(HOST, *headers, path="/v1/responses"))
    assert (answer.status, answer.headers["allow"]) == (status, "POST")
