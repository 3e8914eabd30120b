"""What Anthropic's Messages API refuses in a conversation (docs.anthropic.com/en/api/messages, and its errors)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.clients.upstream.rules import Body, Reader, Refused, refuse_unless

READER: Final = Reader(
    unknown="{path}: Extra inputs are not permitted",
    missing="{path}: Field required",
    wrong="{path}: Input should be {wanted}, not {given}",
)
SEAL: Final = "scripted-anthropic:"
CACHED: Final = {"cache_control": "object|null"}
_BLOCKS: Final[Mapping[str, Mapping[str, str]]] = {
    "text": {"text": "string", "citations": "array|null", **CACHED},
    "image": {"source": "object", **CACHED},
    "document": {
        "source": "object",
        "title": "string|null",
        "context": "string|null",
        "citations": "object|null",
        **CACHED,
    },
    "tool_use": {"id": "string", "name": "string", "input": "object", "caller": "object|null", **CACHED},
    "tool_result": {"tool_use_id": "string", "content": "string|array", "is_error": "boolean", **CACHED},
    "thinking": {"thinking": "string", "signature": "string"},
    "redacted_thinking": {"data": "string"},
}
_SAYABLE: Final = {
    "user": ("text", "image", "document", "tool_result"),
    "assistant": ("text", "tool_use", "thinking", "redacted_thinking"),
    "tool": ("text", "image", "document"),
}
_NEEDED: Final = {
    "text": ("text",),
    "image": ("source",),
    "document": ("source",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
}
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_IMAGES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")


def blocks(content: object) -> list[Body]:
    """A message's content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)  # type: ignore[call-overload]


def check_conversation(messages: Sequence[Any], *, is_thinking: bool, alternates: bool) -> Mapping[str, str]:
    """Roles, blocks, results follow their calls, thinking is our own; the names of all calls by their ids."""
    refuse_unless(messages, "messages: at least one message is required")
    names: dict[str, str] = {}
    waiting: list[str] = []
    before = "assistant"
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        READER.shape(message, path, {"role": "string", "content": "string|array"}, ("role", "content"))
        READER.one_of(message["role"], f"{path}.role", ("user", "assistant"))
        is_turn = message["role"] != before or (index and not alternates)
        refuse_unless(is_turn, f'{path}: roles must alternate between "user" and "assistant"')
        before = message["role"]
        found = blocks(message["content"])
        is_last = index == len(messages) - 1
        refuse_unless(found or (is_last and before == "assistant"), f"{path}: content must not be empty")
        for place, block in enumerate(found):
            check_block(block, f"{path}.content.{place}", _SAYABLE[before])
        if before == "user":
            _check_results(found, waiting, path)
        waiting = [block["id"] for block in found if block["type"] == "tool_use"]
        refuse_unless(len(set(waiting)) == len(waiting), f"{path}: `tool_use` ids must be unique")
        names |= {block["id"]: block["name"] for block in found if block["type"] == "tool_use"}
    refuse_unless(not waiting, _unanswered(waiting, len(messages) - 1))
    _check_end(messages, is_thinking=is_thinking)
    return names


def _check_results(found: Sequence[Body], waiting: Sequence[str], path: str) -> None:
    answered = [block["tool_use_id"] for block in found if block["type"] == "tool_result"]
    for one in answered:
        refuse_unless(
            one in waiting,
            f"{path}.content: unexpected `tool_use_id` found in `tool_result` blocks: {one}. Each `tool_result` block "
            "must have a corresponding `tool_use` block in the previous message.",
        )
    refuse_unless(len(set(answered)) == len(answered), f"{path}: each tool_use must have a single result")
    missing = [one for one in waiting if one not in answered]
    refuse_unless(not missing, _unanswered(missing, path))
    kinds = [block["type"] for block in found[: len(answered)]]
    refuse_unless(set(kinds) <= {"tool_result"}, f"{path}.content: `tool_result` blocks must come first")


def _unanswered(missing: Sequence[str], where: object) -> str:
    return (
        f"messages.{where}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(missing)}. Each `tool_use` block must have a `tool_result` block in the next message."
    )


def _check_end(messages: Sequence[Body], *, is_thinking: bool) -> None:
    last = messages[-1]
    if last["role"] == "assistant":
        refuse_unless(not is_thinking, "Prefilling assistant messages is not supported with thinking")
        texts = [block["text"] for block in blocks(last["content"]) if block["type"] == "text"]
        refuse_unless(
            not texts or texts[-1] == texts[-1].rstrip(),
            "messages: final assistant content cannot end with trailing whitespace",
        )
        return
    results = any(block["type"] == "tool_result" for block in blocks(last["content"]))
    if is_thinking and results:
        first = blocks(messages[-2]["content"])[0]["type"]
        refuse_unless(
            first in {"thinking", "redacted_thinking"},
            f"messages.{len(messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{first}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.",
        )


def check_block(block: object, path: str, sayable: Sequence[str]) -> None:
    """A block of content of one of the types *sayable*."""
    kind = block.get("type") if isinstance(block, dict) else None
    READER.one_of(kind, f"{path}.type", sayable)
    known = _BLOCKS[kind or "text"]
    given = READER.shape(block, path, {"type": "string", **known}, _NEEDED[kind or "text"])
    match kind:
        case "text":
            refuse_unless(given["text"], "messages: text content blocks must be non-empty")
            refuse_unless(given["text"].strip(), "messages: text content blocks must contain non-whitespace text")
        case "image" | "document":
            _check_source(given["source"], f"{path}.source", kind)
        case "tool_use":
            _match(_ID, given["id"], f"{path}.tool_use.id")
            _match(NAME, given["name"], f"{path}.tool_use.name")
        case "tool_result":
            _match(_ID, given["tool_use_id"], f"{path}.tool_result.tool_use_id")
            for place, inner in enumerate(blocks(given.get("content", ""))):
                if inner != {"type": "text", "text": ""} or not isinstance(given.get("content", ""), str):
                    check_block(inner, f"{path}.content.{place}", _SAYABLE["tool"])
        case "thinking":
            refuse_unless(given["signature"].startswith(SEAL), f"{path}: Invalid `signature` in `thinking` block")
        case "redacted_thinking":
            refuse_unless(given["data"].startswith(SEAL), f"{path}: Invalid `data` in `redacted_thinking` block")


def _match(pattern: re.Pattern[str], value: str, path: str) -> None:
    refuse_unless(pattern.fullmatch(value), f"{path}: String should match pattern '^{pattern.pattern}$'")


def _check_source(source: Body, path: str, kind: str) -> None:
    types = ("base64", "url", "file") if kind == "image" else ("base64", "url", "file", "text", "content")
    READER.one_of(source.get("type"), f"{path}.type", types)
    match source["type"]:
        case "base64":
            known = {"type": "string", "media_type": "string", "data": "string"}
            READER.shape(source, path, known, ("media_type", "data"))
            allowed = _IMAGES if kind == "image" else ("application/pdf",)
            READER.one_of(source["media_type"], f"{path}.media_type", allowed)
            try:
                base64.b64decode(source["data"], validate=True)
            except ValueError as error:
                raise Refused(f"{path}.base64: invalid base64 data") from error
        case "text":
            READER.shape(source, path, {"type": "string", "media_type": "string", "data": "string"}, ("data",))
            READER.one_of(source.get("media_type"), f"{path}.media_type", ("text/plain",))
        case "url":
            READER.shape(source, path, {"type": "string", "url": "string"}, ("url",))
            refuse_unless(source["url"].startswith("https://"), f"{path}.url: Only HTTPS URLs are supported")
