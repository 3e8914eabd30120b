"""Requests, both ways. The model and whether the answer is a stream are said by the path, not by the body.

What the neutral form has no name for is kept in `extras["gemini"]` and given back: a field of `generationConfig` under
"generationConfig." and its name, a tool of the endpoint's under "tools." and its name, any other as it is called.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatRequest, Sampling
from pointsman.dialects import fields
from pointsman.dialects.base import Encoded, foreign_settings
from pointsman.dialects.gemini import generations, tools
from pointsman.dialects.gemini.messages import Conversation, decode_messages
from pointsman.dialects.gemini.spelling import NAME, canonical, more_than, own, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import Json, JsonObject

CONFIG: Final = "generationConfig"

_METHODS = {
    Operation.CHAT: "generateContent",
    Operation.EMBEDDINGS: "batchEmbedContents",
    Operation.COUNT_TOKENS: "countTokens",
}
_BODY = spellings("systemInstruction", CONFIG, tools.TOOL_CONFIG, "safetySettings", "cachedContent", "serviceTier")
_KNOWN = ("model", "contents", "systemInstruction", "tools", tools.TOOL_CONFIG, CONFIG, "labels")
_SAMPLING = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_output_tokens",
    "seed": "seed",
    "candidateCount": "n",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
}
_SHAPE = ("responseMimeType", "responseSchema", "responseJsonSchema")
_KNOWN_OF_CONFIG = (*_SAMPLING, *_SHAPE, "stopSequences", "thinkingConfig")
_CONFIG = spellings(*_KNOWN_OF_CONFIG, "responseModalities", "speechConfig", "mediaResolution", "imageConfig")
_MAX_STOPS = 5


def path(operation: Operation, model: str, *, stream: bool) -> str | None:
    """The path of *operation* with *model*; this API has no legacy completions."""
    if operation is Operation.CHAT and stream:
        return f"/{named(model)}:streamGenerateContent?alt=sse"
    method = _METHODS.get(operation)
    return None if method is None else f"/{named(model)}:{method}"


def named(model: str) -> str:
    """The resource name of *model*, fit for a path."""
    is_named = model.startswith(("models/", "tunedModels/"))
    return quote(model if is_named else f"models/{model}", safe="/:@")


def decode_chat(body: JsonObject) -> ChatRequest:
    """The neutral request, without a model; InvalidRequest names the path of what is wrong."""
    body = canonical(body, _BODY)
    extras = more_than(body, *_KNOWN)
    config = canonical(fields.mapping(body, CONFIG) or {}, _CONFIG, CONFIG)
    extras |= {f"{CONFIG}.{key}": value for key, value in more_than(config, *_KNOWN_OF_CONFIG).items()}
    effort, thinking = generations.decode_thinking(config, CONFIG)
    if thinking is not None:
        extras[f"{CONFIG}.thinkingConfig"] = thinking
    return ChatRequest(
        messages=decode_messages(body),
        tools=tools.decode_tools(body, extras),
        tool_choice=tools.decode_choice(body, extras),
        response_format=tools.decode_format(config, extras, CONFIG),
        sampling=_decode_sampling(config),
        reasoning_effort=effort,
        stream_usage=True,  # every answer of this API says it
        metadata=fields.mapping(body, "labels") or {},
        extras=own(extras),
    )


def _decode_sampling(config: JsonObject) -> Sampling:
    return Sampling(
        temperature=fields.number(config, "temperature", CONFIG),
        top_p=fields.number(config, "topP", CONFIG),
        top_k=fields.integer(config, "topK", CONFIG),
        max_output_tokens=fields.integer(config, "maxOutputTokens", CONFIG),
        stop=fields.strings(config.get("stopSequences"), f"{CONFIG}.stopSequences"),
        seed=fields.integer(config, "seed", CONFIG),
        frequency_penalty=fields.number(config, "frequencyPenalty", CONFIG),
        presence_penalty=fields.number(config, "presencePenalty", CONFIG),
        n=fields.integer(config, "candidateCount", CONFIG, minimum=1),
        logprobs=fields.boolean(config, "responseLogprobs", CONFIG),
        top_logprobs=fields.integer(config, "logprobs", CONFIG),
    )


def encode_chat(request: ChatRequest, model: str) -> Encoded:
    """*request* for *model*, which decides about the settings it takes."""
    return _Encoding(request=request, model=model).encoded()


@dataclass(slots=True)
class _Encoding:
    """One request on its way into this dialect."""

    request: ChatRequest
    model: str
    body: JsonObject = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    def encoded(self) -> Encoded:
        """The body, and what it could not say."""
        request = self.request
        extras = request.extras.get(NAME, {})
        abilities = generations.abilities(self.model)
        conversation = Conversation(request.messages, abilities)
        self.body = {"contents": conversation.contents()}
        if conversation.system:
            self.body["systemInstruction"] = conversation.system
        found = tools.encode_tools(request.tools, _inside(extras, tools.TOOLS))
        if found:
            self.body["tools"] = found
        self._add_choice(has_tools=bool(found))
        config = {**self._settings(abilities, extras), **_inside(extras, CONFIG)}
        if config:
            self.body[CONFIG] = config
        self.body |= {key: value for key, value in extras.items() if not key.startswith((f"{CONFIG}.", "tools."))}
        where = path(Operation.CHAT, self.model, stream=request.stream) or ""
        dropped = (*self.dropped, *self._unsayable(), *foreign_settings(request.extras, NAME))
        return Encoded(path=where, body=self.body, dropped=dropped)

    def _add_choice(self, *, has_tools: bool) -> None:
        if self.request.tool_choice is None:
            return
        if has_tools:
            self.body[tools.TOOL_CONFIG] = tools.encode_choice(self.request.tool_choice)
        else:
            self.dropped.append("tool_choice")

    def _settings(self, abilities: generations.Abilities, extras: JsonObject) -> JsonObject:
        sampling, wanted = self.request.sampling, self.request.response_format
        given: dict[str, Json] = {name: getattr(sampling, neutral) for name, neutral in _SAMPLING.items()}
        config: JsonObject = {name: value for name, value in given.items() if value is not None}
        stop = [text for text in sampling.stop if text]
        if stop:
            config["stopSequences"] = stop[:_MAX_STOPS]
        if len(stop[:_MAX_STOPS]) < len(sampling.stop):
            self.dropped.append("stop")
        if wanted is not None:
            if self.request.tools and wanted.kind != "text" and not abilities.mixes_tools_and_shape:
                self.dropped.append("response_format")
            else:
                config |= tools.encode_format(wanted, extras, CONFIG)
        effort = self.request.reasoning_effort
        if effort is not None:
            thinking = generations.encode_thinking(effort, abilities)
            if thinking is not None:
                config["thinkingConfig"] = thinking
            elif f"{CONFIG}.thinkingConfig" not in extras:
                self.dropped.append("reasoning_effort")
        return config

    def _unsayable(self) -> Iterator[str]:
        """Settings this API has no word for, by the names most callers know."""
        request = self.request
        settings = {
            "min_p": request.sampling.min_p is not None,
            "parallel_tool_calls": request.parallel_tool_calls is False,
            "metadata": bool(request.metadata),  # labels are for Google's other cloud
            "user": request.user is not None,
            "strict": any(tool.strict for tool in request.tools),
            "name": any(message.name is not None for message in request.messages),
        }
        return (name for name, is_lost in settings.items() if is_lost)


def _inside(extras: JsonObject, outer: str) -> JsonObject:
    """What *extras* keep for the field *outer*."""
    return {key.removeprefix(f"{outer}."): value for key, value in extras.items() if key.startswith(f"{outer}.")}
