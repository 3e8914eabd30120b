"""A scripted model behind each of the five APIs, written from what the vendors publish, knowing nothing of our codecs.

It answers TEXT. With tools on offer it asks for the weather of two towns first, and once the results are there says
which town's was which: so it sees whether ids, order and texts survived. What the real API would refuse it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, begin, finish, piece, whole

Body = Mapping[str, Any]

TEXT = 'Sonne in Graz: 21 °C 🌞, "warm"\nund klar.'
TOWNS = {"up_1": "Graz", "up_2": "Linz"}
PIECES = (TEXT[:7], TEXT[7:20], TEXT[20:])
INPUT, CACHED, OUTPUT = 11, 4, 7


class BadRequestError(Exception):
    """What the real API would answer 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a model sees of a request: whether tools are on offer, and each result with the id of its call."""

    has_tools: bool
    called: Mapping[str, str]  # call id -> town
    results: Sequence[tuple[str, str]]  # call id, text

    def says(self) -> str:
        """The answer, once no call is wanted."""
        if not self.results:
            return TEXT
        for identity, _ in self.results:
            if identity not in self.called:
                raise BadRequestError(f"a result for {identity!r}, which nobody asked for")
        if {identity for identity, _ in self.results} != set(self.called):
            raise BadRequestError("not every call has its result")
        return "; ".join(f"{self.called[identity]}: {text}" for identity, text in self.results)

    @property
    def wants_calls(self) -> bool:
        """Whether it asks for the weather first."""
        return self.has_tools and not self.results


def dumps(value: object) -> str:
    """JSON as servers write it."""
    return json.dumps(value, ensure_ascii=False)


def cut(text: str) -> tuple[str, ...]:
    """*text* in pieces."""
    return PIECES if text == TEXT else (text[:3], text[3:])


def sse(*events: tuple[str | None, object]) -> Iterator[bytes]:
    """Server-sent events, the name where there is one."""
    for name, value in events:
        data = value if isinstance(value, str) else dumps(value)
        yield (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


def require(condition: object, message: str) -> None:
    """Refuse what the real API would refuse."""
    if not condition:
        raise BadRequestError(message)


# ── OpenAI chat ──


def _chat_seen(body: Body) -> Seen:
    called: dict[str, str] = {}
    results = []
    for message in body["messages"]:
        require(message["role"] in {"system", "developer", "user", "assistant", "tool"}, "an unknown role")
        for call in message.get("tool_calls") or ():
            called[call["id"]] = json.loads(call["function"]["arguments"])["city"]
        if message["role"] == "tool":
            require(message.get("tool_call_id") in called, "a tool message without its call")
            results.append((message["tool_call_id"], _plain(message["content"])))
    return Seen(has_tools=bool(body.get("tools")), called=called, results=results)


def _plain(content: Any) -> str:  # noqa: ANN401  a string, or a list of parts
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


_CHAT_USAGE = {
    "prompt_tokens": INPUT,
    "completion_tokens": OUTPUT,
    "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}


def openai_chat(body: Body, path: str) -> tuple[object, Iterator[bytes] | None]:
    """`/v1/chat/completions`."""
    require(path == "/v1/chat/completions", f"no such path {path}")
    seen = _chat_seen(body)
    head = {"id": "chatcmpl-up", "created": 1_700_000_000, "model": body["model"]}
    calls = [
        {"id": identity, "type": "function", "function": {"name": "weather", "arguments": dumps({"city": town})}}
        for identity, town in TOWNS.items()
    ]
    text = None if seen.wants_calls else seen.says()
    reason = "tool_calls" if seen.wants_calls else "stop"
    if not body.get("stream"):
        message = {"role": "assistant", "content": text, **({"tool_calls": calls} if text is None else {})}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return {**head, "object": "chat.completion", "choices": [choice], "usage": _CHAT_USAGE}, None
    deltas: list[object] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": one} for one in cut(text or "")] if text is not None else []
    for index, call in enumerate(calls if text is None else ()):
        function = call["function"]
        assert isinstance(function, dict)
        begun = {"index": index, "id": call["id"], "type": "function", "function": {"name": "weather", "arguments": ""}}
        deltas.append({"tool_calls": [begun]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": one}}]} for one in cut(function["arguments"])
        ]
    chunks: list[object] = [
        {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    last = {"index": 0, "delta": {}, "finish_reason": reason}
    chunks.append({**head, "object": "chat.completion.chunk", "choices": [last]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": _CHAT_USAGE})
    return None, sse(*((None, chunk) for chunk in chunks), (None, "[DONE]"))


# ── OpenAI Responses ──


def openai_responses(body: Body, path: str) -> tuple[object, Iterator[bytes] | None]:
    """`/v1/responses`."""
    require(path == "/v1/responses", f"no such path {path}")
    items = body["input"] if isinstance(body["input"], list) else []
    called = {
        item["call_id"]: json.loads(item["arguments"])["city"] for item in items if item.get("type") == "function_call"
    }
    results = [
        (item["call_id"], _plain(item["output"])) for item in items if item.get("type") == "function_call_output"
    ]
    seen = Seen(has_tools=bool(body.get("tools")), called=called, results=results)
    output = _response_calls() if seen.wants_calls else [_response_message(seen.says())]
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + OUTPUT,
    }
    head = {"id": "resp_up", "object": "response", "created_at": 1_700_000_000, "model": body["model"]}
    done = {**head, "status": "completed", "output": output, "usage": usage}
    if not body.get("stream"):
        return done, None
    events: list[tuple[str, dict[str, object]]] = [
        ("response.created", {"response": {**head, "status": "in_progress", "output": []}})
    ]
    for index, item in enumerate(output):
        events += _response_events(index, item)
    events.append(("response.completed", {"response": done}))
    return None, sse(
        *((name, {"type": name, "sequence_number": number, **event}) for number, (name, event) in enumerate(events))
    )


def _response_calls() -> list[dict[str, Any]]:
    return [
        {
            "type": "function_call",
            "id": f"fc_{identity}",
            "call_id": identity,
            "name": "weather",
            "arguments": dumps({"city": town}),
            "status": "completed",
        }
        for identity, town in TOWNS.items()
    ]


def _response_message(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_up", "role": "assistant", "status": "completed", "content": [part]}


def _response_events(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
    at = {"output_index": index, "item_id": item["id"]}
    if item["type"] == "function_call":
        begun = {**item, "arguments": "", "status": "in_progress"}
        yield "response.output_item.added", {"output_index": index, "item": begun}
        for one in cut(item["arguments"]):
            yield "response.function_call_arguments.delta", {**at, "delta": one}
        yield "response.function_call_arguments.done", {**at, "arguments": item["arguments"]}
    else:
        text = item["content"][0]["text"]
        at = {**at, "content_index": 0}
        yield (
            "response.output_item.added",
            {"output_index": index, "item": {**item, "content": [], "status": "in_progress"}},
        )
        yield "response.content_part.added", {**at, "part": {**item["content"][0], "text": ""}}
        for one in cut(text):
            yield "response.output_text.delta", {**at, "delta": one, "logprobs": []}
        yield "response.output_text.done", {**at, "text": text, "logprobs": []}
        yield "response.content_part.done", {**at, "part": item["content"][0]}
    yield "response.output_item.done", {"output_index": index, "item": item}


# ── Anthropic ──

_ANTHROPIC_FIELDS = frozenset(
    (
        *(
            "model",
            "max_tokens",
            "messages",
            "system",
            "tools",
            "tool_choice",
            "stream",
            "temperature",
            "top_p",
            "top_k",
        ),
        *("stop_sequences", "metadata", "thinking", "output_config", "service_tier"),
    )
)


def anthropic_messages(body: Body, path: str) -> tuple[object, Iterator[bytes] | None]:
    """`/v1/messages`; strict about what the real API is strict about."""
    require(path == "/v1/messages", f"no such path {path}")
    require(isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
    unknown = set(body) - _ANTHROPIC_FIELDS
    require(not unknown, f"{', '.join(sorted(unknown))}: Extra inputs are not permitted")
    roles = [message["role"] for message in body["messages"]]
    require(roles[0] == "user" and all(one != two for one, two in pairwise(roles)), "roles alternate")
    called: dict[str, str] = {}
    results: list[tuple[str, str]] = []
    open_calls: set[str] = set()
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else []
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        require(not open_calls or answered == open_calls, "tool_use ids were found without tool_result blocks")
        results += [(one["tool_use_id"], _plain(one["content"])) for one in blocks if one["type"] == "tool_result"]
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
        called |= {block["id"]: block["input"]["city"] for block in blocks if block["type"] == "tool_use"}
    for tool in body.get("tools") or ():
        require("input_schema" in tool, "tools.0.input_schema: Field required")
    seen = Seen(has_tools=bool(body.get("tools")), called=called, results=results)
    content: list[dict[str, Any]] = (
        [{"type": "tool_use", "id": one, "name": "weather", "input": {"city": town}} for one, town in TOWNS.items()]
        if seen.wants_calls
        else [{"type": "text", "text": seen.says()}]
    )
    usage = {"input_tokens": INPUT - CACHED, "cache_read_input_tokens": CACHED, "output_tokens": OUTPUT}
    message = {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if seen.wants_calls else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    if not body.get("stream"):
        return message, None
    begun = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[tuple[str, dict[str, object]]] = [("message_start", {"message": begun}), ("ping", {})]
    for index, block in enumerate(content):
        is_text = block["type"] == "text"
        empty = {**block, "text": ""} if is_text else {**block, "input": {}}
        events.append(("content_block_start", {"index": index, "content_block": empty}))
        for one in cut(block["text"] if is_text else dumps(block["input"])):
            delta = (
                {"type": "text_delta", "text": one} if is_text else {"type": "input_json_delta", "partial_json": one}
            )
            events.append(("content_block_delta", {"index": index, "delta": delta}))
        events.append(("content_block_stop", {"index": index}))
    stopped = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [("message_delta", {"delta": stopped, "usage": {"output_tokens": OUTPUT}}), ("message_stop", {})]
    return None, sse(*((name, {"type": name, **event}) for name, event in events))


# ── Gemini ──


def gemini(body: Body, path: str) -> tuple[object, Iterator[bytes] | None]:
    """`/v1beta/models/{m}:generateContent` and `:streamGenerateContent?alt=sse`."""
    is_stream = path == "/v1beta/models/up:streamGenerateContent?alt=sse"
    require(is_stream or path == "/v1beta/models/up:generateContent", f"no such path {path}")
    require(body.get("contents"), "contents is not specified")
    called: dict[str, str] = {}
    results: list[tuple[str, str]] = []
    for content in body["contents"]:
        require(content.get("role") in {"user", "model"} and content["parts"], "a content without role or parts")
        for part in content["parts"]:
            if "functionCall" in part:
                called[part["functionCall"]["id"]] = part["functionCall"]["args"]["city"]
            if "functionResponse" in part:
                given = part["functionResponse"]
                require(isinstance(given["response"], dict) and given["name"] == "weather", "a malformed response")
                results.append((given["id"], str(next(iter(given["response"].values())))))
    seen = Seen(has_tools=bool(body.get("tools")), called=called, results=results)
    usage = {
        "promptTokenCount": INPUT,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT,
        "totalTokenCount": INPUT + OUTPUT,
    }
    calls = [{"functionCall": {"id": one, "name": "weather", "args": {"city": town}}} for one, town in TOWNS.items()]
    head = {"modelVersion": "up", "responseId": "up", "usageMetadata": usage}
    text = None if seen.wants_calls else seen.says()
    parts: list[dict[str, Any]] = calls if text is None else [{"text": text}]
    if not is_stream:
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
        return {**head, "candidates": [candidate]}, None
    chunks = calls if text is None else [{"text": one} for one in cut(text)]
    return None, sse(
        *(
            (
                None,
                {
                    **head,
                    "candidates": [
                        {
                            "content": {"role": "model", "parts": [part]},
                            "index": 0,
                            **({"finishReason": "STOP"} if number == len(chunks) else {}),
                        }
                    ],
                },
            )
            for number, part in enumerate(chunks, 1)
        )
    )


# ── Ollama ──


def ollama(body: Body, path: str) -> tuple[object, Iterator[bytes] | None]:
    """`/api/chat`: arguments are objects, streams are lines, and streaming is the default."""
    require(path == "/api/chat", f"no such path {path}")
    called: dict[str, str] = {}
    results: list[tuple[str, str]] = []
    for message in body["messages"]:
        require(isinstance(message["content"], str), "content is a string")
        for call in message.get("tool_calls") or ():
            require(isinstance(call["function"]["arguments"], dict), "arguments is an object")
            called[call["id"]] = call["function"]["arguments"]["city"]
        if message["role"] == "tool":
            results.append((message["tool_call_id"], message["content"]))
    seen = Seen(has_tools=bool(body.get("tools")), called=called, results=results)
    head = {"model": body["model"], "created_at": "2026-08-21T10:00:00.123456789Z"}
    counts = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 9,
        "load_duration": 1,
        "prompt_eval_count": INPUT,
        "prompt_eval_duration": 2,
        "eval_count": OUTPUT,
        "eval_duration": 3,
    }
    calls = [{"id": one, "function": {"name": "weather", "arguments": {"city": town}}} for one, town in TOWNS.items()]
    text = None if seen.wants_calls else seen.says()
    spoken = {"role": "assistant", "content": text or "", **({"tool_calls": calls} if text is None else {})}
    if body.get("stream") is False:
        return {**head, "message": spoken, **counts}, None
    pieces = [{"content": one} for one in cut(text)] if text is not None else [{"content": "", "tool_calls": calls}]
    lines = [{**head, "message": {"role": "assistant", **one}, "done": False} for one in pieces]
    last = {**head, "message": {"role": "assistant", "content": ""}, **counts}
    return None, (f"{dumps(line)}\n".encode() for line in (*lines, last))


Mouth = Callable[[Body, str], tuple[object, Iterator[bytes] | None]]
UPSTREAMS: Mapping[str, tuple[Mouth, str]] = {
    "openai_chat": (openai_chat, "/v1"),
    "openai_responses": (openai_responses, "/v1"),
    "anthropic_messages": (anthropic_messages, "/v1"),
    "gemini": (gemini, "/v1beta"),
    "ollama": (ollama, ""),
}


def handler(mouth: Mouth) -> Callable[[Peer, Call], Any]:
    """What a scripted server does with each request to *mouth*."""

    async def handle(peer: Peer, call: Call) -> None:
        try:
            answer, stream = mouth(call.body, call.path)
        except BadRequestError as error:
            await whole(peer, 400, {"error": {"message": str(error), "type": "invalid_request_error"}})
            return
        if stream is None:
            await whole(peer, 200, answer)
            return
        await begin(peer, "application/x-ndjson" if mouth is ollama else "text/event-stream")
        for data in stream:
            await piece(peer, data)
        await finish(peer)

    return handle
