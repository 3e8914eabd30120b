"""Whole answers of Responses, both ways, their usage, and the settings of the request that an answer repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Reasoning,
    Refusal,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.stream import Started, Stopped, StreamEvent, UsageReported, fold
from pointsman.dialects.base import ANSWERED_HERE
from pointsman.dialects.openai_responses.content import NAME
from pointsman.dialects.openai_responses.items import INSTRUCTIONS
from pointsman.dialects.openai_responses.output import OutputReader
from pointsman.dialects.openai_responses.request import encode_format
from pointsman.dialects.openai_responses.tools import ToolNames, encode_tool_choice, encode_tools
from pointsman.dialects.openai_responses.writing import CallItem, MessageItem, ReasoningItem, item_id, response_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.openai_responses.writing import Item

_LENGTH = (None, "max_output_tokens", "max_tokens", "length")


def decode_reply(body: JsonObject) -> ChatReply:
    """A whole answer; ValueError when the body is not one."""
    output = body.get("output")
    if not isinstance(output, list):
        raise ValueError("the answer has no list of output items")  # noqa: TRY004  as the port says
    if body.get("error") or body.get("status") in ("failed", "cancelled"):
        raise ValueError(f"the answer has the status {str(body.get('status'))[:32]!a}")
    return fold(_events(body, output))


def _events(body: JsonObject, output: list[Json]) -> Iterator[StreamEvent]:
    reader = OutputReader()
    yield started(body)
    for place, item in enumerate(output):
        if isinstance(item, dict):
            yield from reader.finish(place, item)
    yield Stopped(reason=stop_reason(body, has_calls=reader.calls > 0))
    usage = decode_usage(body)
    if usage is not None:
        yield UsageReported(usage=usage)


def started(body: JsonObject) -> Started:
    """The begin of the answer *body*, which may be no more than begun."""
    created = body.get("created_at")
    identity, model = body.get("id"), body.get("model")
    return Started(
        id=identity if isinstance(identity, str) else "",
        model=model if isinstance(model, str) else "",
        created_s=int(created) if isinstance(created, int | float) else 0,
    )


def stop_reason(body: JsonObject, *, has_calls: bool) -> StopReason | None:
    """Why an answer ended; None when it has not."""
    match body.get("status"):
        case "incomplete":
            details = body.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            if reason == "content_filter":
                return StopReason.CONTENT_FILTER
            return StopReason.LENGTH if reason in _LENGTH else StopReason.STOP
        case "in_progress" | "queued":
            return None
        case _:
            return StopReason.TOOL_CALLS if has_calls else StopReason.STOP


def decode_usage(body: JsonObject) -> Usage | None:
    """The usage of an answer; None when there is none that can be read."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    if read is None and written is None:
        return None
    return Usage(
        input_tokens=read or 0,
        output_tokens=written or 0,
        cached_input_tokens=_inside(usage, "input_tokens_details", "cached_tokens"),
        reasoning_tokens=_inside(usage, "output_tokens_details", "reasoning_tokens"),
        cache_write_tokens=_inside(usage, "input_tokens_details", "cache_write_tokens"),
    )


def _inside(usage: JsonObject, outer: str, inner: str) -> int:
    details = usage.get(outer)
    return (_count(details.get(inner)) or 0) if isinstance(details, dict) else 0


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def encode_usage(usage: Usage) -> JsonObject:
    """Token counts as this API reports them."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def encode_reply(reply: ChatReply, request: ChatRequest) -> JsonObject:
    """The answer to *request*: of its choices the first, as this API has one."""
    choice = reply.choices[0] if reply.choices else None
    identity = response_id(reply.id)
    items = _items(choice.message.parts, identity, ToolNames.of(request.tools)) if choice is not None else []
    reason = choice.stop_reason if choice is not None else None
    if choice is not None and isinstance(choice.logprobs, dict):
        _add_logprobs(items, choice.logprobs)
    for item in items:
        item.close(is_cut=item is items[-1] and is_cut(reason))
    return response(
        Started(id=reply.id, model=reply.model, created_s=reply.created_s),
        request,
        output=[item.value() for item in items],
        ending=ending(reason),
        usage=reply.usage,
    )


def _add_logprobs(items: list[Item], logprobs: JsonObject) -> None:
    said = next((item for item in items if isinstance(item, MessageItem)), None)
    found = logprobs.get("content")
    if said is not None and isinstance(found, list):
        said.keep_logprobs(found)


def _items(parts: tuple[object, ...], identity: str, names: ToolNames) -> list[Item]:
    items: list[Item] = []
    for part in parts:
        place = len(items)
        last = items[-1] if items else None
        match part:
            case Text() | Refusal():
                message = last if isinstance(last, MessageItem) else MessageItem(place, item_id("msg", identity, place))
                message.add("refusal" if isinstance(part, Refusal) else "output_text", part.text)
                if message is not last:
                    items.append(message)
            case Reasoning():
                thought = ReasoningItem(place, item_id("rs", identity, place))
                thought.add(part.text, part.signature, part.origin)
                items.append(thought)
            case ToolCall():
                call = CallItem.of(place, identity, part, names)
                call.add(part.arguments)
                items.append(call)
    return items


def is_cut(reason: StopReason | None) -> bool:
    """Whether an answer that ended for *reason* is incomplete."""
    return reason in {StopReason.LENGTH, StopReason.CONTENT_FILTER}


def ending(reason: StopReason | None) -> JsonObject:
    """The status of a finished answer."""
    if not is_cut(reason):
        return {"status": "completed"}
    why = "max_output_tokens" if reason is StopReason.LENGTH else "content_filter"
    return {"status": "incomplete", "incomplete_details": {"reason": why}}


def response(
    begun: Started, request: ChatRequest, *, output: list[Json], ending: JsonObject, usage: Usage | None = None
) -> JsonObject:
    """The whole object that an answer is, at any time; *ending* has its status."""
    is_done = ending["status"] in ("completed", "incomplete")
    return {
        "id": response_id(begun.id),
        "object": "response",
        "created_at": begun.created_s,
        "completed_at": begun.created_s if is_done else None,
        "error": None,
        "incomplete_details": None,
        **ending,
        "model": begun.model,
        "output": output,
        "usage": None if usage is None else encode_usage(usage),
        **echo(request),
    }


def echo(request: ChatRequest) -> JsonObject:
    """The settings of *request* as its answer repeats them, with this API's defaults."""
    extras = request.extras.get(NAME, {})
    kept = request.extras.get(ANSWERED_HERE, {})
    sampling = request.sampling
    wanted = request.response_format
    told = request.messages[0] if request.messages else None
    tool_choice = "auto" if request.tool_choice is None else encode_tool_choice(request.tool_choice, request.tools)
    form: Json = {"type": "text"} if wanted is None else encode_format(wanted)
    if wanted is not None and wanted.kind == "json_schema":
        form = {"name": None, "description": None, "schema": None, "strict": False, **encode_format(wanted)}
    return {
        "previous_response_id": kept.get("previous_response_id", extras.get("previous_response_id")),
        "instructions": told.text if told is not None and told.extras.get(NAME, {}).get(INSTRUCTIONS) else None,
        "tools": encode_tools(request.tools, extras),
        "tool_choice": extras.get("tool_choice", tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "text": {
            "format": extras.get("text.format", form),
            **({"verbosity": extras["text.verbosity"]} if "text.verbosity" in extras else {}),
        },
        "reasoning": {"effort": request.reasoning_effort, "summary": extras.get("reasoning.summary")},
        "temperature": _or(sampling.temperature, 1.0),
        "top_p": _or(sampling.top_p, 1.0),
        "presence_penalty": _or(sampling.presence_penalty, 0.0),
        "frequency_penalty": _or(sampling.frequency_penalty, 0.0),
        "top_logprobs": sampling.top_logprobs or 0,
        "max_output_tokens": sampling.max_output_tokens,
        "max_tool_calls": extras.get("max_tool_calls"),
        "truncation": extras.get("truncation", "disabled"),
        "store": kept.get("store", True),
        "background": False,
        "service_tier": "default",
        "metadata": dict(request.metadata),
        "user": request.user,
        "safety_identifier": extras.get("safety_identifier"),
        "prompt_cache_key": extras.get("prompt_cache_key"),
    }


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def usage_of(body: JsonObject) -> Usage | None:
    """The usage of an answer of any operation; ValueError when the body is no answer."""
    if not isinstance(body.get("output", body.get("data")), list):
        raise ValueError("the answer has no list of output items")  # noqa: TRY004  as the port says
    return decode_usage(body)
