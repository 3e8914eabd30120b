"""What a request loses inside its messages and tools on its way into another dialect, by its caller's names."""

from __future__ import annotations

import json

import pytest

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
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
    ToolResult,
    ToolSpec,
)
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.hints import called, lost_hints
from pointsman.dialects.registry import SURFACES, UPSTREAMS

CHAT, RESPONSES, ANTHROPIC, GEMINI, OLLAMA = (
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "gemini",
    "ollama",
)
CLAUDE: dict[str, JsonObject] = {ANTHROPIC: {"cache_control": {"type": "ephemeral"}}}


def asked(*parts: Part, tools: tuple[ToolSpec, ...] = ()) -> ChatRequest:
    """A conversation that holds *parts*."""
    return ChatRequest(messages=(Message(role=Role.USER, parts=parts),), tools=tools)


def image(detail: str) -> Media:
    """One that was sent as data."""
    return Media(kind="image", data_base64="AAAA", media_type="image/png", detail=detail)


@pytest.mark.parametrize(
    ("part", "surface", "upstream", "names"),
    [
        (Text(text="hi", extras=CLAUDE), ANTHROPIC, CHAT, ("cache_control",)),
        (Text(text="hi", extras=CLAUDE), ANTHROPIC, ANTHROPIC, ()),
        (Text(text="hi", extras={ANTHROPIC: {"citations": {"enabled": False}}}), ANTHROPIC, CHAT, ()),
        (Text(text="hi", extras={ANTHROPIC: {"citations": {"enabled": True}}}), ANTHROPIC, GEMINI, ("citations",)),
        (Text(text="c\nhi", extras={ANTHROPIC: {"type": "document", "context": "c"}}), ANTHROPIC, CHAT, ()),
        (
            Media(kind="file", url="https://e.org/a.pdf", extras={ANTHROPIC: {"type": "document", "context": "c"}}),
            ANTHROPIC,
            CHAT,
            ("context",),
        ),
        (Refusal(text="no", extras={CHAT: {"hint": 1}}), CHAT, OLLAMA, ("hint",)),
        (image(detail="low"), CHAT, ANTHROPIC, ("detail",)),
        (image(detail="low"), RESPONSES, CHAT, ()),
        (image(detail="auto"), CHAT, GEMINI, ()),
        (ToolResult(call_id="c", content=(), is_error=True), ANTHROPIC, CHAT, ("is_error",)),
        (ToolResult(call_id="c", content=(), is_error=True), ANTHROPIC, GEMINI, ()),
        (ToolResult(call_id="c", content=(), is_error=True), GEMINI, OLLAMA, ("functionResponse.response.error",)),
        (ToolResult(call_id="c", content=(Text(text="x", extras=CLAUDE),)), ANTHROPIC, CHAT, ("cache_control",)),
        (Reasoning(text="hm"), OLLAMA, CHAT, ()),
        (Reasoning(text="hm"), OLLAMA, ANTHROPIC, ("messages.thinking",)),
        (Reasoning(text="hm"), "library", ANTHROPIC, ("reasoning",)),
        (Reasoning(text=""), CHAT, ANTHROPIC, ()),
        (Reasoning(text="hm", signature="s", origin=ANTHROPIC), ANTHROPIC, OLLAMA, ("signature",)),
        (Reasoning(text="hm", signature="s", origin=GEMINI), GEMINI, CHAT, ("thoughtSignature",)),
        (Reasoning(text="hm", signature="s", origin=GEMINI), GEMINI, ANTHROPIC, ("contents.thought",)),
        (Reasoning(text="hm", signature="s", origin=GEMINI), ANTHROPIC, GEMINI, ()),
        (Reasoning(text="", signature="s", origin=RESPONSES), RESPONSES, CHAT, ("input.reasoning",)),
        (
            Reasoning(text="", extras={RESPONSES: {"input_item": {"type": "web_search_call", "id": "ws"}}}),
            RESPONSES,
            GEMINI,
            ("web_search_call",),
        ),
        (
            Text(text="hi", extras={RESPONSES: {"message_item": {"id": "m", "phase": "commentary"}}}),
            RESPONSES,
            CHAT,
            ("phase",),
        ),
        (ToolCall(id="c", name="f", arguments="{}", extras={GEMINI: {"thoughtSignature": "s"}}), GEMINI, CHAT, ()),
        (
            ToolCall(id="c", name="f", arguments="{}", extras={GEMINI: {"thoughtSignature": "s"}}),
            CHAT,
            ANTHROPIC,
            ("extra_content",),
        ),
        (
            ToolCall(
                id="c",
                name="f",
                arguments="{}",
                extras={GEMINI: {"thoughtSignature": "skip_thought_signature_validator", "partMetadata": {"a": 1}}},
            ),
            GEMINI,
            OLLAMA,
            ("partMetadata",),
        ),
        (
            ToolCall(id="c", name="f", arguments="{}", extras={GEMINI: {"functionCall": {"willContinue": True}}}),
            GEMINI,
            CHAT,
            ("willContinue",),
        ),
        (
            ToolCall(id="c", name="f", arguments="x", extras={RESPONSES: {"type": "custom_tool_call"}}),
            RESPONSES,
            CHAT,
            (),
        ),
    ],
)
def test_a_part_names_what_it_loses(part: Part, surface: str, upstream: str, names: tuple[str, ...]) -> None:
    """By the word its caller knows; what arrives in other words, or says nothing, is not named."""
    assert lost_hints(asked(part), surface, upstream) == names


def test_a_signature_in_chat_completions_is_one_hint() -> None:
    """Read as Gemini's, and kept as it came."""
    call = ToolCall(
        id="c",
        name="f",
        arguments="{}",
        extras={CHAT: {"extra_content": {"google": {}}}, GEMINI: {"thoughtSignature": "s"}},
    )
    named = {upstream: lost_hints(asked(call), CHAT, upstream) for upstream in UPSTREAMS}
    assert named == {
        CHAT: (),
        RESPONSES: ("extra_content",),
        ANTHROPIC: ("extra_content",),
        GEMINI: (),
        OLLAMA: ("extra_content",),
    }


@pytest.mark.parametrize(
    ("name", "surface", "said"),
    [
        ("reasoning_content", ANTHROPIC, "messages.thinking"),
        ("reasoning", "library", "reasoning"),
        ("extra_content", GEMINI, "thoughtSignature"),
        ("name", GEMINI, "name"),
    ],
)
def test_a_field_that_a_server_refuses_has_its_callers_name(name: str, surface: str, said: str) -> None:
    """A server of Chat Completions that departs from it loses the same hints."""
    assert called(name, surface) == said


def test_messages_and_tools_have_hints_too_and_each_name_is_said_once() -> None:
    """In the order of tools, then messages."""
    tools = tuple(ToolSpec(name=name, extras={ANTHROPIC: {"defer_loading": True}}) for name in ("f", "g"))
    told = Message(role=Role.SYSTEM, parts=(Text(text="a", extras=CLAUDE),), extras={ANTHROPIC: {"more": 1}})
    request = ChatRequest(messages=(told, told), tools=(ToolSpec(name="plain"), *tools))
    assert lost_hints(request, ANTHROPIC, CHAT) == ("defer_loading", "more", "cache_control")


def test_a_record_without_a_type_has_no_name() -> None:
    """Nothing is made up for it."""
    odd: Json = "?"
    part = Reasoning(text="", extras={RESPONSES: {"input_item": odd}})
    assert lost_hints(asked(part), RESPONSES, CHAT) == ()


CALL = ToolCall(id="call_1", name="f", arguments='{"city":"Bern"}')
REPLY = ChatReply(
    id="r1",
    model="m",
    created_s=1,
    choices=(
        Choice(
            index=0,
            message=Message(role=Role.ASSISTANT, parts=(Text(text="Hello."), CALL)),
            stop_reason=StopReason.TOOL_CALLS,
        ),
    ),
)


def echoed(surface: str) -> JsonObject:
    """A conversation in which a caller gives our own answer back as it came."""
    asking: JsonObject = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
    speaker = SURFACES[surface]
    match surface:
        case "openai_responses":
            said = speaker.encode_reply(REPLY, speaker.decode_chat({"model": "m", "input": "hi"}))
            assert isinstance(said["output"], list)
            result: Json = {"type": "function_call_output", "call_id": "call_1", "output": "12 degrees"}
            return {"model": "m", "input": [{"role": "user", "content": "hi"}, *said["output"], result]}
        case "gemini":
            turn: JsonObject = {"role": "user", "parts": [{"text": "hi"}]}
            said = speaker.encode_reply(REPLY, speaker.decode_chat({"contents": [turn]}))
            content = json.loads(json.dumps(said))["candidates"][0]["content"]
            answer: Json = {"functionResponse": {"id": "call_1", "name": "f", "response": {"output": "12 degrees"}}}
            return {"contents": [turn, content, {"role": "user", "parts": [answer]}]}
        case "anthropic_messages":
            said = speaker.encode_reply(REPLY, speaker.decode_chat(asking))
            block: Json = {"type": "tool_result", "tool_use_id": "call_1", "content": "12 degrees"}
            turns: list[Json] = [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": said["content"]},
                {"role": "user", "content": [block]},
            ]
            return {**asking, "messages": turns}
        case _:
            said = json.loads(json.dumps(speaker.encode_reply(REPLY, speaker.decode_chat(asking))))
            message = said["message"] if surface == "ollama" else said["choices"][0]["message"]
            found: Json = {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"}
            return {**asking, "messages": [{"role": "user", "content": "hi"}, message, found]}


@pytest.mark.parametrize("surface", [name for name in SURFACES if name in UPSTREAMS])
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_our_own_answer_given_back_loses_nothing(surface: str, upstream: str) -> None:
    """The header speaks of what a caller wanted, not of ids and statuses that every answer has."""
    request = SURFACES[surface].decode_chat(echoed(surface))
    assert len(request.messages) == 3
    assert lost_hints(request, surface, upstream) == ()
