"""A caller of each of the five APIs, in plain HTTP: what it sends, and how it reads what comes back.

Written from what the vendors publish; it knows nothing of our codecs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Body = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ASKED = "What is the weather?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer as its caller reads it. `raw` is the turn as it goes into the history."""

    text: str
    calls: Sequence[tuple[str, str, Mapping[str, Any]]]  # id, name, arguments
    stop: str
    input_tokens: int
    output_tokens: int
    raw: Any


class Caller(Protocol):
    """One API's way."""

    stop: str
    stop_for_calls: str

    def first(self, *, stream: bool, tools: bool) -> tuple[str, Body]:
        """Path and body of a question."""

    def follow(self, body: Body, got: Got, results: Mapping[str, str]) -> Body:
        """The body of the next turn, with what the tools gave back by call id."""

    def read(self, data: bytes, *, stream: bool) -> Got:
        """The answer in *data*."""


def events(data: bytes) -> Iterator[dict[str, Any]]:
    """The JSON of each server-sent event."""
    for frame in data.decode().split("\n\n"):
        lines = [line.removeprefix("data: ") for line in frame.split("\n") if line.startswith("data: ")]
        if lines and lines[0] != "[DONE]":
            yield json.loads("\n".join(lines))


class OpenAIChat:
    """`/v1/chat/completions`."""

    stop, stop_for_calls = "stop", "tool_calls"

    def first(self, *, stream: bool, tools: bool) -> tuple[str, Body]:
        body: Body = {"model": "up", "messages": [{"role": "user", "content": ASKED}]}
        if tools:
            body["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return "/v1/chat/completions", body

    def follow(self, body: Body, got: Got, results: Mapping[str, str]) -> Body:
        told = [{"role": "tool", "tool_call_id": one, "content": text} for one, text in results.items()]
        return {**body, "messages": [*body["messages"], got.raw, *told]}

    def read(self, data: bytes, *, stream: bool) -> Got:
        if stream:
            assert data.endswith(b"data: [DONE]\n\n")
            message, reason, usage = self._joined(data)
        else:
            body = json.loads(data)
            assert body["object"] == "chat.completion"
            message, reason, usage = body["choices"][0]["message"], body["choices"][0]["finish_reason"], body["usage"]
        calls = [
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls") or ()
        ]
        return Got(
            text=message.get("content") or "",
            calls=calls,
            stop=reason,
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
            raw={key: value for key, value in message.items() if value is not None},
        )

    @staticmethod
    def _joined(data: bytes) -> tuple[Body, str, Body]:
        text, reason = "", ""
        calls: dict[int, Body] = {}
        usage: Body = {}
        for chunk in events(data):
            usage = chunk.get("usage") or usage
            for choice in chunk["choices"]:
                reason = choice["finish_reason"] or reason
                text += choice["delta"].get("content") or ""
                for call in choice["delta"].get("tool_calls") or ():
                    empty: Body = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
                    known = calls.setdefault(call["index"], empty)
                    known["id"] = call.get("id") or known["id"]
                    known["function"]["name"] += call["function"].get("name") or ""
                    known["function"]["arguments"] += call["function"].get("arguments") or ""
        message: Body = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = [calls[index] for index in sorted(calls)]
        return message, reason, usage


class OpenAIResponses:
    """`/v1/responses`."""

    stop = stop_for_calls = "completed"

    def first(self, *, stream: bool, tools: bool) -> tuple[str, Body]:
        body: Body = {"model": "up", "input": [{"role": "user", "content": ASKED}], "store": False}
        if tools:
            body["tools"] = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
        return "/v1/responses", {**body, "stream": True} if stream else body

    def follow(self, body: Body, got: Got, results: Mapping[str, str]) -> Body:
        told = [{"type": "function_call_output", "call_id": one, "output": text} for one, text in results.items()]
        return {**body, "input": [*body["input"], *got.raw, *told]}

    def read(self, data: bytes, *, stream: bool) -> Got:
        if stream:
            told = list(events(data))
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            assert told[-1]["type"] == "response.completed"
            body = told[-1]["response"]
            deltas = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
        else:
            body, deltas = json.loads(data), None
        text = "".join(part["text"] for item in body["output"] if item["type"] == "message" for part in item["content"])
        assert deltas in {None, text}
        calls = [
            (item["call_id"], item["name"], json.loads(item["arguments"]))
            for item in body["output"]
            if item["type"] == "function_call"
        ]
        usage = body["usage"]
        return Got(
            text=text,
            calls=calls,
            stop=body["status"],
            input_tokens=usage["input_tokens"],
            output_tokens=usage["output_tokens"],
            raw=body["output"],
        )


class AnthropicMessages:
    """`/v1/messages`."""

    stop, stop_for_calls = "end_turn", "tool_use"

    def first(self, *, stream: bool, tools: bool) -> tuple[str, Body]:
        body: Body = {"model": "up", "max_tokens": 99, "messages": [{"role": "user", "content": ASKED}]}
        if tools:
            body["tools"] = [{"name": "weather", "input_schema": SCHEMA}]
        return "/v1/messages", {**body, "stream": True} if stream else body

    def follow(self, body: Body, got: Got, results: Mapping[str, str]) -> Body:
        told = [{"type": "tool_result", "tool_use_id": one, "content": text} for one, text in results.items()]
        turns = [{"role": "assistant", "content": got.raw}, {"role": "user", "content": told}]
        return {**body, "messages": [*body["messages"], *turns]}

    def read(self, data: bytes, *, stream: bool) -> Got:
        body = self._joined(data) if stream else json.loads(data)
        usage = body["usage"]
        text = "".join(block["text"] for block in body["content"] if block["type"] == "text")
        calls = [(one["id"], one["name"], one["input"]) for one in body["content"] if one["type"] == "tool_use"]
        return Got(
            text=text,
            calls=calls,
            stop=body["stop_reason"],
            input_tokens=usage["input_tokens"] + (usage.get("cache_read_input_tokens") or 0),
            output_tokens=usage["output_tokens"],
            raw=[{key: value for key, value in block.items() if value is not None} for block in body["content"]],
        )

    @staticmethod
    def _joined(data: bytes) -> Body:
        body: Body = {}
        pieces: dict[int, str] = {}
        for event in events(data):
            match event["type"]:
                case "message_start":
                    body = event["message"]
                case "content_block_start":
                    assert event["index"] == len(body["content"])
                    body["content"].append(event["content_block"])
                case "content_block_delta":
                    delta = event["delta"]
                    text = delta.get("text") or delta.get("partial_json") or ""
                    pieces[event["index"]] = pieces.get(event["index"], "") + text
                case "message_delta":
                    body["usage"] = {**body["usage"], **event["usage"]}
                    body |= event["delta"]
        assert event["type"] == "message_stop"
        for index, block in enumerate(body["content"]):
            if block["type"] == "text":
                block["text"] = pieces.get(index, "")
            else:
                block["input"] = json.loads(pieces.get(index, "{}"))
        return body


class Gemini:
    """`/v1beta/models/{m}:…`."""

    stop = stop_for_calls = "STOP"

    def first(self, *, stream: bool, tools: bool) -> tuple[str, Body]:
        body: Body = {"contents": [{"role": "user", "parts": [{"text": ASKED}]}]}
        if tools:
            body["tools"] = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
        return f"/v1beta/models/up:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}", body

    def follow(self, body: Body, got: Got, results: Mapping[str, str]) -> Body:
        told = [
            {"functionResponse": {"id": one, "name": "weather", "response": {"output": text}}}
            for one, text in results.items()
        ]
        turns = [{"role": "model", "parts": got.raw}, {"role": "user", "parts": told}]
        return {**body, "contents": [*body["contents"], *turns]}

    def read(self, data: bytes, *, stream: bool) -> Got:
        chunks = list(events(data)) if stream else [json.loads(data)]
        parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
        usage = chunks[-1]["usageMetadata"]
        return Got(
            text="".join(part.get("text", "") for part in parts),
            calls=[
                (part["functionCall"]["id"], part["functionCall"]["name"], part["functionCall"]["args"])
                for part in parts
                if "functionCall" in part
            ],
            stop=chunks[-1]["candidates"][0]["finishReason"],
            input_tokens=usage["promptTokenCount"],
            output_tokens=usage["candidatesTokenCount"],
            raw=parts,
        )


class Ollama:
    """`/api/chat`."""

    stop = stop_for_calls = "stop"

    def first(self, *, stream: bool, tools: bool) -> tuple[str, Body]:
        body: Body = {"model": "up", "messages": [{"role": "user", "content": ASKED}]}
        if tools:
            body["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
        return "/api/chat", body if stream else {**body, "stream": False}

    def follow(self, body: Body, got: Got, results: Mapping[str, str]) -> Body:
        told = [
            {"role": "tool", "tool_name": "weather", "tool_call_id": one, "content": text}
            for one, text in results.items()
        ]
        return {**body, "messages": [*body["messages"], got.raw, *told]}

    def read(self, data: bytes, *, stream: bool) -> Got:
        lines = [json.loads(line) for line in data.splitlines()]
        assert stream or len(lines) == 1
        last = lines[-1]
        assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
        text = "".join(line["message"]["content"] for line in lines)
        calls = [call for line in lines for call in line["message"].get("tool_calls") or ()]
        return Got(
            text=text,
            calls=[(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls],
            stop=last["done_reason"],
            input_tokens=last["prompt_eval_count"],
            output_tokens=last["eval_count"],
            raw={"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})},
        )


CALLERS: Mapping[str, Caller] = {
    "openai_chat": OpenAIChat(),
    "openai_responses": OpenAIResponses(),
    "anthropic_messages": AnthropicMessages(),
    "gemini": Gemini(),
    "ollama": Ollama(),
}
