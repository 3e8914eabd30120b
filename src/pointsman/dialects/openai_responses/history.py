"""Conversations that continue a stored answer (`store`, `previous_response_id`): pure functions around a store.

Whoever keeps the store does, for a request with a `previous_response_id`: look up the items of that answer, `expand`
the body, decode the expanded body, and `continuing` the request, so that the answer names the caller's own previous
id. An expanded request is translated, even to an endpoint of this dialect: a relayed answer could not name that id.
After the answer: `exchange_items` of the *expanded* body are what a later request continues from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.base import ANSWERED_HERE
from pointsman.dialects.frames import SseEvent, SseFrames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.chat import ChatRequest
    from pointsman.core.jsontypes import Json, JsonObject

_PREVIOUS = "previous_response_id"
_ENDS = ("response.completed", "response.incomplete")


def previous_response_id(body: JsonObject) -> str | None:
    """The answer that *body* continues; InvalidRequest when it is no string, or stands beside a `conversation`."""
    found = fields.string(body, _PREVIOUS)
    if found is not None and body.get("conversation") is not None:
        raise InvalidRequest(
            "previous_response_id and conversation cannot both be given.", hint="Send one of them.", param=_PREVIOUS
        )
    return found


def wants_store(body: JsonObject) -> bool:
    """Whether the caller wants the answer kept: so it is unless `store` is false."""
    return fields.boolean(body, "store") is not False


def input_items(body: JsonObject) -> tuple[JsonObject, ...]:
    """The items of `input`; a string is one message of the user. InvalidRequest when it is neither."""
    given = body.get("input")
    if isinstance(given, str):
        return ({"type": "message", "role": "user", "content": given},)
    return tuple(fields.objects(body, "input"))


def expand(body: JsonObject, stored_items: Sequence[JsonObject]) -> JsonObject:
    """*body* as one that stands for itself: the stored items, then its own input, and no `previous_response_id`.

    The previous answer's instructions are not among the items: by this API's rule they are not carried over.
    """
    whole: list[Json] = [*stored_items, *input_items(body)]
    return {key: value for key, value in body.items() if key != _PREVIOUS} | {"input": whole}


def continuing(request: ChatRequest, previous_id: str) -> ChatRequest:
    """*request*, decoded from an expanded body, whose answer shall name *previous_id* as the caller did."""
    kept: JsonObject = {**request.extras.get(ANSWERED_HERE, {}), _PREVIOUS: previous_id}
    return replace(request, extras={**request.extras, ANSWERED_HERE: kept})


def exchange_items(body: JsonObject, reply: JsonObject) -> tuple[JsonObject, ...]:
    """What a later request goes on from: the input of *body* (expanded, if it was) and the output of *reply*."""
    output = reply.get("output")
    said = (item for item in output if isinstance(item, dict)) if isinstance(output, list) else ()
    return (*input_items(body), *said)


@dataclass(slots=True)
class FinalReply:
    """Finds the whole answer in a stream of this dialect, ours or relayed: `reply` once its last event has come."""

    reply: JsonObject | None = None
    _frames: SseFrames = field(default_factory=SseFrames)

    def feed(self, data: bytes) -> None:
        """Look into *data*; it may be cut anywhere."""
        for frame in self._frames.feed(data):
            self._look(frame)

    def close(self) -> None:
        """The end of input: the last blank line may be missing."""
        for frame in self._frames.close():
            self._look(frame)

    def _look(self, frame: object) -> None:
        if not isinstance(frame, SseEvent) or not any(name in frame.data for name in _ENDS):
            return
        try:
            event = json.loads(frame.data)
        except (ValueError, RecursionError):
            return
        if isinstance(event, dict) and event.get("type") in _ENDS and isinstance(event.get("response"), dict):
            self.reply = event["response"]
