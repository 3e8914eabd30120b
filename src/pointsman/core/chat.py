"""The neutral form of a conversation: what is asked, what is answered, what it used.

Knows no wire format. What a dialect cannot name here travels in `extras[dialect]` and is only given back to the
same dialect. JSON kept inside (tool schemas, log-probabilities) is never interpreted here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json, JsonObject

NO_EXTRAS: dict[str, JsonObject] = {}


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class StopReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


@value_type
class Text:
    """A run of text."""

    text: str
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An image, a sound or a file: exactly one of `url` (http or https), `data_base64` and `file_id` is set."""

    kind: str  # "image" | "audio" | "file"
    url: str | None = None
    data_base64: str | None = None
    file_id: str | None = None
    media_type: str | None = None  # such as "image/png"
    filename: str | None = None
    detail: str | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The model's words when it declines."""

    text: str
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """Thinking shown before the answer; `signature` goes back to an endpoint of its dialect `origin`, and no other.

    Text without a signature may be shown to any model that takes thinking back.
    """

    text: str
    signature: str | None = None
    origin: str | None = None  # a dialect's name
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model asks for a tool; `arguments` is the JSON text as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gave back for the call `call_id`."""

    call_id: str
    content: tuple[Text | Media, ...]
    name: str | None = None
    is_error: bool = False
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


Part = Text | Media | Refusal | Reasoning | ToolCall | ToolResult


@value_type
class Message:
    """One turn of one speaker, its parts in order."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)

    @property
    def text(self) -> str:
        """The message's plain text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A function the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


class ToolMode(StrEnum):
    """Whether the model must, may or must not call a tool."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """The caller's wish about tools; a `name` forces that one function (mode REQUIRED)."""

    mode: ToolMode
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFormat:
    """The shape the answer must have: `kind` is "text", "json_object" or "json_schema" (then `schema` is set)."""

    kind: str
    schema: JsonObject | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


@value_type
class Sampling:
    """How the answer is drawn. None means: the endpoint's own default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


@value_type
class ChatRequest:
    """One request for an answer, in nobody's dialect."""

    messages: tuple[Message, ...]
    model: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    sampling: Sampling = field(default_factory=Sampling)
    reasoning_effort: str | None = None
    stream: bool = False
    stream_usage: bool = False  # the caller wants usage in the stream
    metadata: Mapping[str, Json] = field(default_factory=dict)
    user: str | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """Texts (or token ids) to embed. `base64` asks for little-endian float32 in base64 instead of numbers."""

    inputs: tuple[str, ...] | tuple[tuple[int, ...], ...]
    model: str | None = None
    dimensions: int | None = None
    base64: bool = False
    user: str | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@value_type
class Usage:
    """Tokens read and written. What a cache gave or took is part of the input, reasoning of the output."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    is_estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One candidate answer; `logprobs` is the endpoint's own JSON."""

    index: int
    message: Message
    stop_reason: StopReason | None
    logprobs: Json = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """A whole answer. `created_s` is seconds since the epoch."""

    id: str
    model: str
    created_s: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingReply:
    """One vector for each input, in order."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None


def ask(prompt: str, *, model: str | None = None, system: str | None = None) -> ChatRequest:
    """The simplest request: one question of a person, perhaps with a system prompt."""
    told = (Message(role=Role.SYSTEM, parts=(Text(text=system),)),) if system is not None else ()
    return ChatRequest(messages=(*told, Message(role=Role.USER, parts=(Text(text=prompt),))), model=model)
