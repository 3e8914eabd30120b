"""What Ollama's callers may send and what they get, where the laws do not reach."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatReply, ChatRequest, Choice, EmbeddingReply, Message, Role, StopReason, Text, Usage
from pointsman.core.errors import InvalidRequest, UnknownModel
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    Started,
    Stopped,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects.ollama import embeddings, listing
from pointsman.dialects.ollama.dialect import Ollama, OllamaGenerate
from pointsman.dialects.ollama.surface_request import is_load_request, load_reply, wants_unload
from pointsman.dialects.openai_chat.dialect import OpenAIChat

PNG = "iVBORw0KGgoAAAANSUhEUg=="
USER: JsonObject = {"role": "user", "content": "hi"}


class Ticking:
    """A clock that moves by a thousand nanoseconds whenever it is read."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.now = 0

    def __call__(self) -> int:
        """The time."""
        self.now += 1000
        return self.now


def chat(**fields: Json) -> ChatRequest:
    """A request of /api/chat."""
    return Ollama().decode_chat({"model": "m", "messages": [USER], **fields})


def test_a_request_is_streamed_unless_it_says_otherwise() -> None:
    """Ollama's default, for chat and generate."""
    assert chat().stream
    assert not chat(stream=False).stream
    assert OllamaGenerate().decode_chat({"prompt": "hi"}).stream


@pytest.mark.parametrize(
    ("think", "effort", "kept"),
    [(False, "none", {}), (True, None, {"think": True}), ("high", "high", {"think": "high"}), (None, None, {})],
)
def test_thinking_is_an_effort(think: Json, effort: str | None, kept: JsonObject) -> None:
    """A level is the neutral effort; what only Ollama says goes back to Ollama."""
    found = chat(think=think)
    assert (found.reasoning_effort, dict(found.extras.get("ollama", {}))) == (effort, kept)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"logprobs": True, "top_logprobs": 2}, (True, 2)),
        ({"logprobs": True}, (True, None)),
        ({"logprobs": False, "top_logprobs": 2}, (None, None)),
        ({"top_logprobs": 2}, (None, None)),
    ],
)
def test_log_probabilities_are_asked_for(fields: JsonObject, asked: tuple[bool | None, int | None]) -> None:
    """Alternatives to no log-probabilities mean nothing here, and would be an error elsewhere."""
    sampling = chat(**fields).sampling
    assert (sampling.logprobs, sampling.top_logprobs) == asked


def test_a_level_of_thinking_is_not_called_lost_where_it_is_said() -> None:
    """It is an effort to others; only a mere yes has no word there."""
    upstream = OpenAIChat()
    lost = {think: upstream.encode_chat(chat(think=think), "m").dropped for think in ("high", True)}
    assert lost == {"high": (), True: ("think",)}


@pytest.mark.parametrize(("data", "kind"), [(PNG, "image/png"), ("R0lGODlh", "image/gif"), ("A", "image/jpeg")])
def test_an_images_kind_is_read_from_its_first_bytes(data: str, kind: str) -> None:
    """Ollama gives none, other APIs want one; where nothing tells, it is a photograph."""
    found = chat(messages=[{**USER, "images": [data]}]).messages[0].parts[1]
    assert found.media_type == kind  # type: ignore[union-attr]


def test_calls_without_ids_and_their_results_find_each_other() -> None:
    """Older clients name the tool only; the first open call of that name is the one."""
    calls: list[Json] = [{"function": {"name": name, "arguments": {"city": "Graz"}}} for name in ("sun", "rain")]
    results: list[Json] = [{"role": "tool", "tool_name": name, "content": name} for name in ("rain", "sun")]
    turns = chat(messages=[USER, {"role": "assistant", "content": "", "tool_calls": calls}, *results]).messages
    assert [part.id for part in turns[1].parts] == ["call_1_0", "call_1_1"]  # type: ignore[union-attr]
    assert [turn.parts[0].call_id for turn in turns[2:]] == ["call_1_1", "call_1_0"]  # type: ignore[union-attr]


def test_generate_is_a_conversation() -> None:
    """System prompt and prompt; a suffix is content that no chat can say."""
    found = OllamaGenerate().decode_chat({"model": "m", "system": "be brief", "prompt": "hi", "suffix": "!"})
    assert [(turn.role, turn.text) for turn in found.messages] == [(Role.SYSTEM, "be brief"), (Role.USER, "hi!")]
    assert found.messages[1].parts[-1].kind == "suffix"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [USER], "format": 5}, "format"),
        ({"messages": [USER], "think": 5}, "think"),
        ({"messages": [USER], "top_logprobs": -1}, "top_logprobs"),
        ({"messages": [USER], "options": {"num_predict": "many"}}, "options.num_predict"),
        ({"messages": [USER], "tools": [{}]}, "tools[0].function"),
    ],
)
def test_what_is_wrong_is_named(body: JsonObject, path: str) -> None:
    """By its path."""
    with pytest.raises(InvalidRequest) as caught:
        Ollama().decode_chat(body)
    assert caught.value.param == path


def test_an_answer_says_how_long_it_took() -> None:
    """From the request's arrival, by our clock."""
    dialect = Ollama(Ticking())
    request = dialect.decode_chat({"messages": [USER]})
    message = Message(role=Role.ASSISTANT, parts=(Text(text="hello"),))
    choice = Choice(index=0, message=message, stop_reason=StopReason.LENGTH)
    usage = Usage(input_tokens=3, output_tokens=2)
    body = dialect.encode_reply(ChatReply(id="r", model="m", created_s=0, choices=(choice,), usage=usage), request)
    assert body == {
        "model": "m",
        "created_at": "1970-01-01T00:00:00.000000000Z",
        "message": {"role": "assistant", "content": "hello"},
        "done": True,
        "done_reason": "length",
        "total_duration": 1000,
        "load_duration": 0,
        "prompt_eval_count": 3,
        "prompt_eval_duration": 0,
        "eval_count": 2,
        "eval_duration": 1000,
    }


def test_a_stream_says_how_long_it_read_and_wrote() -> None:
    """Reading lasts until the first piece."""
    dialect = Ollama(Ticking())
    encoder = dialect.stream_encoder(dialect.decode_chat({"messages": [USER]}))
    usage = UsageReported(usage=Usage(input_tokens=3, output_tokens=2))
    pieces = [encoder.encode(event) for event in (TextDelta(text="hi"), TextDelta(text="!"), usage, Ended())]
    last = json.loads(pieces[-1])
    names = ("total_duration", "prompt_eval_duration", "eval_duration")
    assert [last[name] for name in names] == [2000, 1000, 1000]


def test_log_probabilities_are_a_list_beside_the_words() -> None:
    """Whole and streamed, for chat and generate; what is empty is left out, as Ollama does."""
    other: JsonObject = {"token": "ho", "logprob": -2.5, "bytes": None}
    content: JsonObject = {
        "content": [{"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": [other]}],
        "refusal": None,
    }
    expected = [
        {"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": [{"token": "ho", "logprob": -2.5}]}
    ]
    message = Message(role=Role.ASSISTANT, parts=(Text(text="hi"),))
    choice = Choice(index=0, message=message, stop_reason=StopReason.STOP, logprobs=content)
    reply = ChatReply(id="r", model="m", created_s=0, choices=(choice,))
    for dialect in (Ollama(), OllamaGenerate()):
        assert dialect.encode_reply(reply, chat())["logprobs"] == expected
        line = json.loads(dialect.stream_encoder(chat()).encode(LogprobsDelta(logprobs=content)))
        assert (line["logprobs"], line["done"]) == (expected, False)
        assert dialect.stream_encoder(chat()).encode(LogprobsDelta(logprobs={"refusal": []})) == b""


def test_calls_are_said_when_they_are_whole() -> None:
    """Arguments are an object here: pieces of their text wait until other content or the end comes."""
    encoder = Ollama().stream_encoder(chat())
    said = [
        encoder.encode(event)
        for event in (
            Started(id="r", model="m", created_s=0),
            ToolCallDelta(index=0, id="a", name="f", arguments='{"x"'),
            ToolCallDelta(index=1, id="b", name="g", arguments="{}"),
            ToolCallDelta(index=0, arguments=":1}"),
            Stopped(reason=StopReason.TOOL_CALLS),
            UsageReported(usage=Usage(input_tokens=1, output_tokens=1)),
            Ended(),
        )
    ]
    assert [bool(piece) for piece in said] == [False, False, False, False, True, False, True]
    assert json.loads(said[4])["message"]["tool_calls"] == [
        {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]


def test_an_error_is_a_line_of_the_stream() -> None:
    """As Ollama does it, under status 200."""
    assert Ollama().stream_encoder(chat()).encode(StreamFailed(message="gone")) == b'{"error":"gone"}\n'
    assert Ollama().encode_error(UnknownModel("No such model."))[1] == {"error": "No such model."}


def test_generate_streams_its_response() -> None:
    """The same answer under another name."""
    encoder = OllamaGenerate().stream_encoder(chat())
    lines = [json.loads(encoder.encode(event)) for event in (TextDelta(text="hi"), Ended())]
    assert [(line["response"], line["done"]) for line in lines] == [("hi", False), ("", True)]


@pytest.mark.parametrize(("kept", "is_unload"), [(None, False), (0, True), ("0s", True), ("5m", False)])
def test_a_request_that_says_nothing_loads_or_unloads(kept: Json, *, is_unload: bool) -> None:
    """A `keep_alive` of nothing means: let it go."""
    body: JsonObject = {"model": "m", "messages": [], **({} if kept is None else {"keep_alive": kept})}
    assert is_load_request(body)
    assert wants_unload(body) is is_unload
    assert load_reply("m", "t", unload=is_unload)["done_reason"] == ("unload" if is_unload else "load")
    assert not is_load_request({"prompt": "hi"})


def test_silent_truncation_is_off_unless_asked_for() -> None:
    """A prompt that does not fit is an error, not another prompt."""
    fields = Ollama().relay_fields({"model": "auto", "shift": True}, Operation.CHAT, "m", stream_usage=True)
    assert fields == {"model": "m", "truncate": False}


def test_old_and_new_embeddings() -> None:
    """One prompt, or a list of inputs."""
    assert embeddings.decode_prompt({"model": "m", "prompt": "a"}).inputs == ("a",)
    assert embeddings.decode_embed({"model": "m", "input": ["a", "b"], "truncate": False}).inputs == ("a", "b")
    with pytest.raises(InvalidRequest, match="input is missing"):
        embeddings.decode_embed({"model": "m"})


def test_vectors_are_said_in_both_ways() -> None:
    """All of them with the tokens they took, or the one."""
    asked = embeddings.decode_prompt({"prompt": "a"})
    reply = EmbeddingReply(model="m", vectors=((0.5, 1.0),), usage=Usage(input_tokens=3, output_tokens=0))
    assert embeddings.encode_embed(reply, asked) == {"model": "m", "embeddings": [[0.5, 1.0]], "prompt_eval_count": 3}
    assert embeddings.encode_embed(replace(reply, usage=None), asked) == {"model": "m", "embeddings": [[0.5, 1.0]]}
    assert embeddings.encode_prompt(reply, asked) == {"embedding": [0.5, 1.0]}


def test_half_a_surrogate_pair_is_sent_as_it_came() -> None:
    """It is no UTF-8; the line is said with escapes then."""
    said = Ollama().stream_encoder(chat()).encode(TextDelta(text="ü\ud83d"))
    assert json.loads(said)["message"]["content"] == "ü\ud83d"


def test_a_model_of_unknown_window_says_none() -> None:
    """A client takes its own default then."""
    unknown = listing.Listed(name="m", modified_s=1.5)
    assert "context_length" not in json.dumps(listing.ps([unknown]))
    shown = listing.show(unknown)
    assert shown["model_info"] == {"general.architecture": "pointsman"}
    assert shown["modified_at"] == "1970-01-01T00:00:01.500000000Z"


def test_lists_have_what_clients_read() -> None:
    """Names as callers send them; Codex wants 0.13 or later."""
    known = listing.Listed(name="auto", context_tokens=4096, capabilities=("completion", "tools"))
    assert listing.tags([known])["models"][0]["name"] == "auto"  # type: ignore[index,call-overload]
    assert listing.ps([known])["models"][0]["context_length"] == 4096  # type: ignore[index,call-overload]
    assert listing.show(known)["capabilities"] == ["completion", "tools"]
    assert tuple(map(int, str(listing.version()["version"]).split("."))) >= (0, 13)
    assert listing.pulled() == {"status": "success"}
