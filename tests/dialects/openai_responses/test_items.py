"""Items of an input read and written: messages, calls, results, thinking, and what is still unknown."""

from __future__ import annotations

import hashlib

import pytest

from pointsman.core.chat import (
    ChatRequest,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

DIALECT = OpenAIResponses()
NAME = "openai_responses"


def read(*items: Json) -> tuple[Message, ...]:
    """The messages of an input of *items*."""
    return DIALECT.decode_chat({"input": [*items]}).messages


def written(*messages: Message) -> Json:
    """The input for *messages*."""
    return DIALECT.encode_chat(ChatRequest(messages=messages), "m").body["input"]


def said(role: Role, *parts: Part) -> Message:
    """A message."""
    return Message(role=role, parts=parts)


def test_items_of_the_assistant_are_one_message_and_become_items_again() -> None:
    """Other APIs want thinking, speech and calls together; this one gets them as they were."""
    items: list[Json] = [
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "t"}],
            "encrypted_content": "e",
            "id": "rs_1",
        },
        {"type": "message", "role": "assistant", "content": "a", "phase": "commentary", "id": "msg_1"},
        {"type": "message", "role": "assistant", "content": "b"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{", "id": "fc_1", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": 'say "x"\n'},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
    ]
    messages = read(*items)
    assert messages == (
        said(
            Role.ASSISTANT,
            Reasoning(text="t", signature="e", origin=NAME, extras={NAME: {"id": "rs_1"}}),
            Text(text="a", extras={NAME: {"message_item": {"phase": "commentary", "id": "msg_1"}}}),
            Text(text="b", extras={NAME: {"message_item": {}}}),
            ToolCall(id="c1", name="f", arguments="{", extras={NAME: {"id": "fc_1", "status": "completed"}}),
            ToolCall(
                id="c2", name="g", arguments=r'{"input": "say \"x\"\n"}', extras={NAME: {"type": "custom_tool_call"}}
            ),
        ),
        said(Role.TOOL, ToolResult(call_id="c1", content=(Text(text="ok"),))),
        said(
            Role.TOOL,
            ToolResult(call_id="c2", content=(Text(text="done"),), extras={NAME: {"type": "custom_tool_call_output"}}),
        ),
    )
    assert written(*messages) == items


def test_an_assistant_that_says_nothing_leaves_no_message() -> None:
    """An empty content is not sent on: strict APIs refuse it."""
    assert read({"role": "assistant", "content": []}, {"role": "user", "content": "x"}) == (
        said(Role.USER, Text(text="x")),
    )


@pytest.mark.parametrize(
    ("part", "media"),
    [
        (
            {"type": "input_image", "image_url": "https://e.org/a.png", "detail": "low"},
            Media(kind="image", url="https://e.org/a.png", detail="low"),
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,QQ=="},
            Media(kind="image", data_base64="QQ==", media_type="image/png"),
        ),
        ({"type": "input_image", "file_id": "f1", "detail": "auto"}, Media(kind="image", file_id="f1", detail="auto")),
        ({"type": "input_file", "file_id": "f2"}, Media(kind="file", file_id="f2")),
        (
            {"type": "input_file", "file_url": "https://e.org/a.pdf"},
            Media(kind="file", url="https://e.org/a.pdf"),
        ),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"},
            Media(kind="file", data_base64="QQ==", media_type="application/pdf", filename="a.pdf"),
        ),
        (
            {"type": "input_file", "file_data": "QQ==", "filename": "b"},
            Media(kind="file", data_base64="QQ==", filename="b"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
            Media(kind="audio", data_base64="QQ==", media_type="audio/wav"),
        ),
        ({"type": "input_audio", "input_audio": {"data": "QQ=="}}, Media(kind="audio", data_base64="QQ==")),
    ],
)
def test_media_is_read_and_written(part: JsonObject, media: Media) -> None:
    """Images, files and sounds by address, by data and by id."""
    (message,) = read({"type": "message", "role": "user", "content": [part]})
    assert message.parts == (media,)
    assert written(message) == [{"type": "message", "role": "user", "content": [part]}]


@pytest.mark.parametrize(
    ("part", "kind", "data"),
    [
        ({"type": "input_image", "image_url": "blob:1"}, "image", None),
        ({"type": "input_file", "filename": "x"}, "file", None),
        ({"type": "input_file", "file_url": "gs://x"}, "file", None),
        ({"type": "input_image", "image_url": "data:image/png;base64,QQ==", "x_next": 1}, "image", "QQ=="),
        ({"type": "input_video", "video_url": "https://e.org/v"}, "input_video", None),
    ],
)
def test_media_the_neutral_form_cannot_name_comes_back_whole(part: JsonObject, kind: str, data: str | None) -> None:
    """It is kept for its own dialect, with what of it can be named."""
    (message,) = read({"type": "message", "role": "user", "content": [part]})
    assert message.parts == (
        Media(
            kind=kind,
            data_base64=data,
            media_type="image/png" if data else None,
            extras={NAME: part},
        ),
    )
    assert written(message) == [{"type": "message", "role": "user", "content": [part]}]


def test_texts_keep_what_is_beside_them_and_shed_empty_lists() -> None:
    """Annotations go back; the empty lists that every answer has are nothing."""
    bare: JsonObject = {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}
    noted: JsonObject = {"type": "output_text", "text": "b", "annotations": [{"type": "file_path"}]}
    refusal: JsonObject = {"type": "refusal", "refusal": "no"}
    (message,) = read({"type": "message", "role": "assistant", "content": [bare, noted, refusal]})
    assert message.parts == (
        Text(text="a"),
        Text(text="b", extras={NAME: {"annotations": [{"type": "file_path"}]}}),
        Refusal(text="no"),
    )
    bare = {"type": "output_text", "text": "a", "annotations": []}
    assert written(message) == [{"type": "message", "role": "assistant", "content": [bare, noted, refusal]}]


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "compaction", "encrypted_content": "x"}, Role.ASSISTANT),
        ({"type": "item_reference", "id": "msg_1"}, Role.ASSISTANT),
        ({"type": "local_shell_call", "call_id": "c", "action": {}}, Role.ASSISTANT),
        ({"type": "local_shell_call_output", "id": "c", "output": "x"}, Role.USER),
        ({"type": "mcp_approval_response", "approve": True}, Role.USER),
    ],
)
def test_items_the_neutral_form_cannot_name_come_back_whole(item: JsonObject, role: Role) -> None:
    """Their own dialect gets them as they were; to others they are content that cannot be said."""
    kind = str(item["type"])
    messages = read(item, {"role": "user", "content": "x"})
    assert messages[0] == said(role, Media(kind=kind, extras={NAME: {"input_item": item}}))
    body = written(*messages)
    assert isinstance(body, list)
    assert body[0] == item
    with pytest.raises(InvalidRequest, match=f"is of the kind '{kind}'"):
        OpenAIChat().encode_chat(ChatRequest(messages=messages), "m")


def test_the_record_of_a_search_does_not_bind_a_conversation_to_its_endpoint() -> None:
    """What came of it is in the answer that follows: other dialects go on without the record."""
    item: JsonObject = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    messages = read(item, {"type": "message", "role": "assistant", "content": "found"})
    assert messages == (
        said(Role.ASSISTANT, Reasoning(text="", extras={NAME: {"input_item": item}}), Text(text="found")),
    )
    assert written(*messages) == [item, {"type": "message", "role": "assistant", "content": "found"}]


def test_thinking_goes_back_to_its_signer_only() -> None:
    """An item of another's thinking, or of nobody's, would be refused by an endpoint that checks."""
    own: JsonObject = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
    foreign: JsonObject = {**own, "encrypted_content": "pointsman.gemini.sig"}
    nobodys: JsonObject = {"type": "reasoning", "id": "rs_2", "content": [{"type": "reasoning_text", "text": "hm"}]}
    (message,) = read(own, foreign, nobodys)
    assert message.parts == (
        Reasoning(text="", signature="e", origin=NAME, extras={NAME: {"id": "rs_1"}}),
        Reasoning(text="", signature="sig", origin="gemini", extras={NAME: {"id": "rs_1"}}),
        Reasoning(text="hm", extras={NAME: {"id": "rs_2"}}),
    )
    assert written(message) == [{"type": "reasoning", "summary": [], "encrypted_content": "e", "id": "rs_1"}]


def test_signed_thinking_in_parts_comes_back_in_parts() -> None:
    """A summary in two parts is one text, and two parts again for the signer."""
    summary: list[Json] = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    item: JsonObject = {"type": "reasoning", "summary": summary, "encrypted_content": "e"}
    (message,) = read(item)
    assert message.parts == (Reasoning(text="a\n\nb", signature="e", origin=NAME, extras={NAME: {"summary": summary}}),)
    assert written(message) == [item]


def test_messages_of_other_dialects_are_said() -> None:
    """Results in one message become items of their own; ids are cut to 64 characters the same way on both sides."""
    long = "x" * 65
    short = f"call_{hashlib.sha256(long.encode()).hexdigest()[:32]}"
    items = written(
        said(Role.ASSISTANT, ToolCall(id=long, name="f", arguments=""), ToolCall(id="", name="g", arguments="")),
        said(
            Role.TOOL,
            ToolResult(call_id=long, content=()),
            ToolResult(call_id="", name="g", content=(Text(text="1"), Text(text="2"))),
            Text(text="and"),
        ),
        said(Role.ASSISTANT, ToolResult(call_id="c", content=(Text(text="own"),))),
        said(Role.USER),
    )
    assert items == [
        {"type": "function_call", "call_id": short, "name": "f", "arguments": ""},
        {"type": "function_call", "call_id": "call_g", "name": "g", "arguments": ""},
        {"type": "function_call_output", "call_id": short, "output": ""},
        {
            "type": "function_call_output",
            "call_id": "call_g",
            "output": [{"type": "input_text", "text": "1"}, {"type": "input_text", "text": "2"}],
        },
        {"type": "message", "role": "user", "content": "and"},
        {"type": "function_call_output", "call_id": "c", "output": "own"},
        {"type": "message", "role": "user", "content": ""},
    ]


def test_a_kind_this_api_has_no_part_for_is_refused() -> None:
    """The error names the part."""
    with pytest.raises(InvalidRequest, match=r"messages\[0\].content\[0\] is of the kind 'video'"):
        written(said(Role.USER, Media(kind="video", url="https://e.org/v")))
    with pytest.raises(InvalidRequest, match=r"a ToolCall cannot be a part of this message"):
        written(said(Role.USER, ToolCall(id="c", name="f", arguments="")))
