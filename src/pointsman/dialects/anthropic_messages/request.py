"""Requests to Messages, both ways, and what a relayed one must lose.

What the neutral form has no name for is kept in `extras["anthropic_messages"]` under its own name and given back. A
field that it can name only in part (`thinking`) is kept there whole as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatRequest, ResponseFormat, Sampling, ToolChoice, ToolMode
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.anthropic_messages import thinking, tools
from pointsman.dialects.anthropic_messages.content import NAME, own
from pointsman.dialects.anthropic_messages.messages import BILLING, Conversation, decode_messages, shortened
from pointsman.dialects.base import Encoded, foreign_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import JsonObject

PATH: Final = "/messages"
COUNT_PATH: Final = "/messages/count_tokens"

_KNOWN = frozenset(
    (
        "model",
        "messages",
        "system",
        "max_tokens",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "stop_sequences",
        "stream",
        "temperature",
        "top_p",
        "top_k",
    )
)
_PLACED = (BILLING, tools.SERVER_TOOLS, "output_config", "metadata")  # extras that do not go back as they stand
_MAX_TEMPERATURE = 1.0
_SETTINGS_OF_SAMPLING = ("temperature", "top_p", "top_k")


def decode_chat(body: JsonObject) -> ChatRequest:
    """The neutral request; InvalidRequest names the path of what is wrong."""
    if body.get("max_tokens") is None:
        raise InvalidRequest("max_tokens is missing.", hint="This API requires it.", param="max_tokens")
    return decode_count_request(body)


def decode_count_request(body: JsonObject) -> ChatRequest:
    """The request whose tokens are to be counted: the same, but that it need not limit the answer."""
    extras = fields.others(body, _KNOWN)
    choice, parallel = tools.decode_choice(body, extras)
    stream = fields.boolean(body, "stream") or False
    effort = thinking.decode_effort(body, extras)
    wanted = tools.decode_format(body)
    _keep_output_config(body, effort, wanted, extras)
    return ChatRequest(
        model=fields.string(body, "model"),
        messages=decode_messages(body, extras),
        tools=tools.decode_tools(body, extras),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=wanted,
        sampling=Sampling(
            temperature=fields.number(body, "temperature"),
            top_p=fields.number(body, "top_p"),
            top_k=fields.integer(body, "top_k"),
            max_output_tokens=fields.integer(body, "max_tokens", minimum=0),
            stop=fields.strings(body.get("stop_sequences"), "stop_sequences"),
        ),
        reasoning_effort=effort,
        stream=stream,
        stream_usage=stream,
        user=_decode_user(body, extras),
        extras=own(extras),
    )


def _keep_output_config(
    body: JsonObject, effort: str | None, wanted: ResponseFormat | None, extras: JsonObject
) -> None:
    """What `output_config` says beyond the neutral *effort* and format goes to *extras*."""
    more = dict(fields.mapping(body, "output_config") or {})
    if more.get("effort") in (effort, None):
        more.pop("effort", None)
    if wanted is not None or more.get("format") is None:
        more.pop("format", None)
    if more:
        extras["output_config"] = more


def _decode_user(body: JsonObject, extras: JsonObject) -> str | None:
    metadata = fields.mapping(body, "metadata") or {}
    more = fields.others(metadata, ("user_id",))
    if more:
        extras["metadata"] = more
    return fields.string(metadata, "user_id", "metadata")


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
        """The body in the order in which the API's own documentation has it, and what it could not say."""
        request = self.request
        extras = request.extras.get(NAME, {})
        abilities = thinking.abilities(self.model)
        conversation = Conversation(request.messages)
        turns = conversation.turns()
        max_tokens = request.sampling.max_output_tokens
        demanded: JsonObject = {"max_tokens": abilities.max_output_tokens} if max_tokens is None else {}
        self.body = {"model": self.model, **({} if demanded else {"max_tokens": max_tokens})}
        system = [*(fields.array(extras, BILLING) or ()), *conversation.system]
        if system:
            self.body["system"] = shortened(system)
        self.body["messages"] = turns
        self._add_tools(fields.mapping(extras, tools.SERVER_TOOLS) or {})
        self._add_sampling(abilities)
        self._add_output(extras, abilities)
        self._add_metadata(fields.mapping(extras, "metadata") or {})
        self.body |= fields.others(extras, _PLACED)
        if thinking.is_budgeted(self.body.get("thinking")) and not thinking.may_be_budgeted(turns):
            self._drop("thinking")
        if request.stream:
            self.body["stream"] = True
        dropped = (*self.dropped, *self._unsayable(), *foreign_settings(request.extras, NAME))
        return Encoded(path=PATH, body=self.body, dropped=dropped, demanded=demanded)

    def _add_tools(self, of_server: JsonObject) -> None:
        found = tools.encode_tools(self.request.tools, of_server)
        if not found:
            return
        self.body["tools"] = found
        choice = tools.encode_choice(self.request.tool_choice, parallel=self.request.parallel_tool_calls)
        if choice is not None:
            self.body["tool_choice"] = choice

    def _add_sampling(self, abilities: thinking.Abilities) -> None:
        sampling = self.request.sampling
        stop = [text for text in sampling.stop if text.strip()]
        if len(stop) < len(sampling.stop):
            self.dropped.append("stop")
        if stop:
            self.body["stop_sequences"] = list(stop)
        given: JsonObject = {
            "temperature": None if sampling.temperature is None else min(sampling.temperature, _MAX_TEMPERATURE),
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
        }
        self.body |= {name: value for name, value in given.items() if value is not None}
        if not abilities.takes_sampling:
            self._drop(*_SETTINGS_OF_SAMPLING)
        elif abilities.is_claude and "temperature" in self.body:
            self._drop("top_p")  # Claude takes one or the other

    def _add_output(self, extras: JsonObject, abilities: thinking.Abilities) -> None:
        config: JsonObject = {}
        effort = self._add_thinking(fields.mapping(extras, "thinking"), abilities)
        if effort is not None:
            config["effort"] = effort
        wanted = tools.encode_format(self.request.response_format)
        if wanted is not None:
            config["format"] = wanted
        config |= fields.mapping(extras, "output_config") or {}
        if config:
            self.body["output_config"] = config

    def _add_thinking(self, given: JsonObject | None, abilities: thinking.Abilities) -> str | None:
        """Say how much thinking is wanted; what of it is said as `output_config.effort` comes back."""
        effort = self.request.reasoning_effort
        if effort is None or given is not None:
            return None if given is None else thinking.effort_beside(given, effort)
        limit = fields.integer(self.body, "max_tokens") or abilities.max_output_tokens
        found, word = thinking.encode_effort(effort, abilities, limit)
        is_off = found == thinking.DISABLED
        turns = fields.array(self.body, "messages") or ()
        is_refused = thinking.is_budgeted(found) and not thinking.may_be_budgeted(turns)
        if found is None or is_refused or (not is_off and _forces_a_tool(self.request.tool_choice)):
            self.dropped.append("reasoning_effort")
            return None
        self.body["thinking"] = found
        if not is_off:
            self._drop(*_SETTINGS_OF_SAMPLING)  # they are for answers without thinking
        return word

    def _add_metadata(self, more: JsonObject) -> None:
        user: JsonObject = {} if self.request.user is None else {"user_id": self.request.user}
        if user or more:
            self.body["metadata"] = {**user, **more}

    def _drop(self, *names: str) -> None:
        self.dropped.extend(name for name in names if self.body.pop(name, None) is not None)

    def _unsayable(self) -> Iterator[str]:
        """Settings this API has no word for, by the names most callers know."""
        request = self.request
        sampling = request.sampling
        wanted = request.response_format
        settings = {
            "n": sampling.n not in (None, 1),
            "seed": sampling.seed is not None,
            "min_p": sampling.min_p is not None,
            "frequency_penalty": bool(sampling.frequency_penalty),
            "presence_penalty": bool(sampling.presence_penalty),
            "logprobs": bool(sampling.logprobs),
            "top_logprobs": sampling.top_logprobs is not None,
            "response_format": wanted is not None and wanted.kind != "text" and wanted.schema is None,
            "tool_choice": request.tool_choice is not None and "tools" not in self.body,
            "metadata": bool(request.metadata),
            "name": any(message.name is not None for message in request.messages),
        }
        return (name for name, is_lost in settings.items() if is_lost)


def _forces_a_tool(choice: ToolChoice | None) -> bool:
    return choice is not None and choice.mode is ToolMode.REQUIRED


def path(operation: Operation) -> str | None:
    """The path of *operation*; embeddings and legacy completions are not part of this API."""
    return {Operation.CHAT: PATH, Operation.COUNT_TOKENS: COUNT_PATH}.get(operation)
