"""Conversations that are gone on from: what is kept, for whom, and that private stays private."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pointsman.core.decision import Caller, Decision, Privacy, PrivacyClass
from pointsman.core.errors import InvalidRequest, UnknownPrevious
from pointsman.core.jsontypes import JsonObject
from pointsman.core.ports import StoredResponse
from pointsman.dialects.registry import SURFACES
from pointsman.server.remembered import remember
from pointsman.testing import MemoryResponses
from tests.adapters.storage.samples import decision

PUBLIC: Decision = replace(decision(), privacy=Privacy())
PRIVATE: Decision = replace(decision(), privacy=Privacy(privacy_class=PrivacyClass.PRIVATE))
ASKED: JsonObject = {"type": "message", "role": "user", "content": "Who?"}
SAID: JsonObject = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Ada"}]}
REPLY: JsonObject = {"id": "resp_1", "object": "response", "output": [SAID]}
KEPT = StoredResponse(id="resp_1", owner="k", input=(ASKED,), reply=REPLY)


async def kept(body: JsonObject, decided: Decision = PUBLIC, reply: JsonObject = REPLY) -> list[StoredResponse]:
    """What is in the store after *body* was answered with *reply*."""
    store = MemoryResponses()
    remembered = await remember(store, {"input": "Who?", **body}, "k")
    await remembered.whole(json.dumps(reply).encode(), decided)
    return [row for _, row in store.rows.values()]


async def test_an_answer_is_kept_with_what_it_was_an_answer_to() -> None:
    """For the key that asked."""
    assert await kept({}) == [KEPT]


async def test_an_answer_is_not_kept_where_the_caller_does_not_want_it() -> None:
    """Or when it has no name to find it by."""
    assert await kept({"store": False}) == []
    assert await kept({}, reply={"output": []}) == []


async def test_a_private_answer_is_kept_only_where_the_caller_says_so() -> None:
    """And it stays private."""
    assert await kept({}, PRIVATE) == []
    assert await kept({"store": True}, PRIVATE) == [replace(KEPT, is_private=True)]


async def test_a_streamed_answer_is_kept_before_its_end_is_passed_on() -> None:
    """Once, however its bytes are cut."""
    store = MemoryResponses()
    remembered = await remember(store, {"input": "Who?"}, "k")
    event = json.dumps({"type": "response.completed", "response": REPLY})
    for piece in ("event: response.comp", f"leted\ndata: {event}\n", "\n", "data: [DONE]\n\n"):
        await remembered.heard(piece.encode(), PUBLIC)
    assert [row for _, row in store.rows.values()] == [KEPT]


async def test_going_on_means_asking_everything_again() -> None:
    """The answer to that names the one it goes on from."""
    store = MemoryResponses()
    await store.put(KEPT)
    remembered = await remember(store, {"input": "Why?", "previous_response_id": "resp_1"}, "k")
    more: JsonObject = {"type": "message", "role": "user", "content": "Why?"}
    assert remembered.body == {"input": [ASKED, SAID, more]}
    surface = SURFACES["openai_responses"]
    request = remembered.request(surface.decode_chat(remembered.body))
    assert [message.text for message in request.messages] == ["Who?", "Ada", "Why?"]
    await remembered.whole(json.dumps({**REPLY, "id": "resp_2"}).encode(), PUBLIC)
    found = await store.get("resp_2", "k")
    assert found is not None
    assert found.input == (ASKED, SAID, more)


@pytest.mark.parametrize("is_private", [True, False])
async def test_what_goes_on_from_something_private_is_private(is_private: bool) -> None:  # noqa: FBT001
    """Whatever its own label says; otherwise the label counts."""
    store = MemoryResponses()
    await store.put(replace(KEPT, is_private=is_private))
    remembered = await remember(store, {"input": "Why?", "previous_response_id": "resp_1"}, "k")
    caller = remembered.caller(Caller(privacy=PrivacyClass.PUBLIC, privacy_source="header"))
    private = Caller(privacy=PrivacyClass.PRIVATE, privacy_source="previous_response_id")
    assert caller == (private if is_private else Caller(privacy=PrivacyClass.PUBLIC, privacy_source="header"))


@pytest.mark.parametrize("owner", ["other", None])
async def test_nobody_goes_on_from_anothers_answer(owner: str | None) -> None:
    """For them it is not there."""
    store = MemoryResponses()
    await store.put(KEPT)
    with pytest.raises(UnknownPrevious, match="'resp_1' not found") as caught:
        await remember(store, {"input": "Why?", "previous_response_id": "resp_1"}, owner)
    assert (caught.value.status, caught.value.param) == (400, "previous_response_id")


async def test_without_a_store_the_whole_conversation_is_needed() -> None:
    """Said to those who go on; the others are answered."""
    with pytest.raises(UnknownPrevious, match="Send the whole conversation instead"):
        await remember(None, {"input": "Why?", "previous_response_id": "resp_1"}, None)
    remembered = await remember(None, {"input": "Who?"}, None)
    await remembered.whole(json.dumps(REPLY).encode(), PUBLIC)
    await remembered.heard(b"data: x\n\n", PUBLIC)


async def test_an_id_that_is_none_is_refused() -> None:
    """By its field."""
    with pytest.raises(InvalidRequest) as caught:
        await remember(MemoryResponses(), {"input": "Why?", "previous_response_id": 7}, None)
    assert caught.value.param == "previous_response_id"
