"""Whole answers, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import (
    ChatReply,
    Choice,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.gemini import calls, finish, probabilities
from pointsman.dialects.gemini.content import FIELDS, decode_shown, encode_media, encode_text
from pointsman.dialects.gemini.messages import decode_thought, encode_thought
from pointsman.dialects.gemini.sealing import sealed
from pointsman.dialects.gemini.spelling import NAME, canonical, listed, more_than, own
from pointsman.dialects.gemini.usage import decode_usage, encode_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

_KNOWN = ("candidates", "usageMetadata", "modelVersion", "responseId")
_KNOWN_OF_CANDIDATE = ("content", "finishReason", "index", "logprobsResult")


def decode_reply(body: JsonObject) -> ChatReply:
    """A whole answer; ValueError when the body is not one, or is an empty one that the model spoiled."""
    try:
        items = fields.objects(body, "candidates")
        identity = fields.string(body, "responseId") or ""
        choices = tuple(_decode_candidate(item, index, identity) for index, item in enumerate(items))
        if not choices and finish.blocked(body.get("promptFeedback")):
            message = Message(role=Role.ASSISTANT, parts=())
            choices = (Choice(index=0, message=message, stop_reason=StopReason.CONTENT_FILTER),)
        if not choices:
            raise ValueError("the answer holds no candidates")
        return ChatReply(
            id=identity,
            model=fields.string(body, "modelVersion") or "",
            created_s=0,
            choices=choices,
            usage=decode_usage(body.get("usageMetadata")),
            extras=extras_of_start(body),
        )
    except InvalidRequest as error:
        raise ValueError(f"the answer is malformed: {error.message}") from error


def extras_of_start(body: JsonObject) -> Mapping[str, JsonObject]:
    """Fields of an answer that the neutral form has no name for."""
    return own(more_than(body, *_KNOWN))


def extras_of_candidate(item: JsonObject) -> JsonObject:
    """Fields of a candidate that the neutral form has no name for."""
    return more_than(item, *_KNOWN_OF_CANDIDATE)


def _decode_candidate(item: JsonObject, position: int, identity: str) -> Choice:
    at = f"candidates[{position}]"
    index = fields.integer(item, "index", at)
    content = fields.mapping(item, "content", at) or {}
    parts = tuple(_merged(decode_said(content, f"{at}.content", CallIds(identity))))
    given = fields.string(item, "finishReason", at)
    if not parts and finish.is_failure(given):
        raise ValueError(f"the model's answer was spoiled: {given}")
    reason, more = finish.decode_finish(given, has_calls=any(isinstance(part, ToolCall) for part in parts))
    return Choice(
        index=position if index is None else index,
        message=Message(role=Role.ASSISTANT, parts=parts),
        stop_reason=reason,
        logprobs=probabilities.decode_result(item.get("logprobsResult")),
        extras=own({**more, **extras_of_candidate(item)}),
    )


class CallIds:
    """The ids of the calls of one choice of the answer *identity*, where the endpoint gives none."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._count = 0

    def of(self, call: JsonObject) -> str:
        """The id of the next *call*."""
        given = call.get("id")
        self._count += 1
        return given if given and isinstance(given, str) else calls.made_up_id(self._identity, self._count, call)


def decode_said(content: JsonObject, at: str, ids: CallIds) -> Iterator[Part]:
    """The parts a model says, less what the endpoint's own tools say and what is empty."""
    for index, item in enumerate(listed(content, "parts", at)):
        where = f"{at}.parts[{index}]"
        part = canonical(item, FIELDS, where)
        call = fields.mapping(part, "functionCall", where)
        if call is not None:
            yield calls.call_of(part, call, ids.of(call), where)
        elif part.get("thought") is True and part.get("text") is not None:
            thought = decode_thought(part, where)
            if thought.text or thought.signature is not None:
                yield thought
        else:
            shown = decode_shown(part, where)
            if shown is not None and _says_anything(shown):
                yield shown


def _says_anything(part: Text | Media) -> bool:
    if isinstance(part, Text):
        return bool(part.text or part.extras)
    return any((part.data_base64, part.url, part.file_id))


def _merged(parts: Iterator[Part]) -> Iterator[Part]:
    """*parts* with runs of text as one, and runs of thinking up to each signature."""
    last: Part | None = None
    for part in parts:
        match last, part:
            case Text(), Text() if not last.extras:
                last = Text(text=last.text + part.text, extras=part.extras)
                continue
            case Reasoning(signature=None), Reasoning() if not last.extras and not part.extras:
                last = Reasoning(text=last.text + part.text, signature=part.signature, origin=part.origin)
                continue
            case _:
                if last is not None:
                    yield last
        last = part
    if last is not None:
        yield last


def encode_reply(reply: ChatReply) -> JsonObject:
    """A whole answer in this dialect."""
    body: JsonObject = {"candidates": [_encode_candidate(choice) for choice in reply.choices]}
    if reply.usage is not None:
        body["usageMetadata"] = encode_usage(reply.usage)
    return body | head(reply.id, reply.model, reply.extras)


def head(identity: str, model: str, extras: Mapping[str, JsonObject]) -> JsonObject:
    """The fields of an answer, and of each piece of a stream, that are known from its beginning."""
    return {"modelVersion": model, "responseId": identity, **extras.get(NAME, {})}


def _encode_candidate(choice: Choice) -> JsonObject:
    parts = _encode_parts(choice.message.parts)
    return candidate(choice.index, parts, choice.stop_reason, choice.logprobs, choice.extras)


def candidate(
    index: int,
    parts: list[Json],
    reason: StopReason | None,
    logprobs: Json,
    extras: Mapping[str, JsonObject],
) -> JsonObject:
    """A candidate that is complete; it always has a part and a reason."""
    likely = probabilities.encode_result(logprobs)
    return {
        "content": {"role": "model", "parts": parts or [{"text": ""}]},
        "finishReason": finish.encode_finish(reason),
        "index": index,
        **({} if likely is None else {"logprobsResult": likely}),
        **extras.get(NAME, {}),
    }


def _encode_parts(parts: Sequence[Part]) -> list[Json]:
    found: list[Json] = []
    for index, part in enumerate(parts):
        match part:
            case Text():
                found.append(encode_text(part))
            case Refusal():
                found.append({"text": part.text})
            case Reasoning():
                found.append(encode_thought(part, seal_of(part.signature, part.origin)))
            case ToolCall():
                found.append(calls.encode_call(part))
            case Media():
                found.append(encode_media(part, f"candidates[0].content.parts[{index}]"))
            case _:
                at = f"candidates[0].content.parts[{index}]"
                raise InvalidRequest(f"{at} is a {type(part).__name__}, which {NAME} cannot say.", param=at)
    return found


def seal_of(signature: str | None, origin: str | None) -> str | None:
    """The signature a caller is given; thinking that nobody signed has none here."""
    return None if signature is None else sealed(signature, origin)
