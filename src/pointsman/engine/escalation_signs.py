"""Signs that a model is too small for an agent's work: in an answer, or in what the conversation shows of the last.

the last answer, or this one                                             is called
the arguments of a tool call are no JSON object                          "the arguments of search are not JSON"
they lack a name that the tool's schema requires                         "the call of search lacks 'query'"
the same call, arguments and all, as often in a row as `repeats`         "search was called 3 times alike"
nothing at all, though it was not cut off                                "an empty answer"
the model declines, or its endpoint's filter does                        "a refusal"

Knows tools by their JSON Schema's `required` only. A tool that the request does not describe is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Media, Refusal, Role, StopReason, Text, ToolCall
from pointsman.routing.features import own_words

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, ChatRequest, Message, Part, ToolSpec
    from pointsman.core.jsontypes import JsonObject

EMPTY: Final = "an empty answer"
REFUSED: Final = "a refusal"
_LONGEST_REFUSAL: Final = 600
"""Characters: an answer that goes on for longer has more to say than no."""
_REFUSALS: Final = (
    "i can't assist", "i can't help", "i can't do that", "i can't comply", "i can't provide", "i can't fulfill",
    "i cannot assist", "i cannot help", "i cannot do that", "i cannot comply", "i cannot provide", "i cannot fulfill",
    "i'm unable to", "i am unable to", "i'm not able to", "i am not able to", "i won't be able to",
    "as an ai language model", "i must decline", "i have to decline",
    "das kann ich nicht", "ich kann dabei nicht helfen", "ich kann ihnen dabei nicht", "dabei kann ich nicht",
    "je ne peux pas", "je suis désolé, mais je ne", "lo siento, pero no puedo", "no puedo ayudar",
    "mi dispiace, ma non posso", "não posso ajudar", "desculpe, mas não posso", "я не могу", "к сожалению, я не могу",
    "申し訳ありませんが", "我无法", "죄송하지만",
)  # fmt: skip
_APOLOGIES: Final = (
    "i'm sorry, but ", "i am sorry, but ", "sorry, but ", "i apologize, but ", "unfortunately, ", "leider ",
    "lo siento, pero ", "\u62b1\u6b49\uff0c", "\u5bf9\u4e0d\u8d77\uff0c",
)  # fmt: skip


def of_reply(reply: ChatReply, request: ChatRequest, repeats: int) -> str | None:
    """What is wrong with *reply* to *request*; None when nothing is."""
    if not reply.choices:
        return EMPTY
    choice = reply.choices[0]
    if choice.stop_reason is StopReason.CONTENT_FILTER:
        return REFUSED
    parts = choice.message.parts
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        if choice.stop_reason is StopReason.LENGTH:
            return None
        return _of_calls(calls, request.tools) or _circle([calls, *_rounds(request.messages)], repeats)
    found = _of_words(parts)
    return None if found is EMPTY and choice.stop_reason is StopReason.LENGTH else found


def of_history(request: ChatRequest, repeats: int) -> str | None:
    """What was wrong with the last answer that *request* shows; None when nothing was, or there is none."""
    last = next((one for one in reversed(request.messages) if one.role is Role.ASSISTANT), None)
    if last is None:
        return None
    calls = [part for part in last.parts if isinstance(part, ToolCall)]
    if not calls:
        found = _of_words(last.parts)
        return None if found is EMPTY else found  # an answer may be cut off, or stand there to be gone on with
    return _of_calls(calls, request.tools) or _circle(_rounds(request.messages), repeats)


def is_refusal(text: str) -> bool:
    """Whether *text* is short and begins by declining, in one of a dozen languages."""
    if len(text) > _LONGEST_REFUSAL:
        return False
    said = text.lstrip(" \n*_>\"'").lower().replace("\u2019", "'")
    for apology in _APOLOGIES:
        said = said.removeprefix(apology)
    return said.startswith(_REFUSALS)


def _of_words(parts: Sequence[Part]) -> str | None:
    if any(isinstance(part, Refusal) for part in parts):
        return REFUSED
    text = "".join(part.text for part in parts if isinstance(part, Text)).strip()
    if not text:
        return None if any(isinstance(part, Media) for part in parts) else EMPTY
    return REFUSED if is_refusal(text) else None


def _of_calls(calls: Sequence[ToolCall], tools: Sequence[ToolSpec]) -> str | None:
    known = {tool.name: tool.parameters for tool in tools}
    for call in calls:
        schema = known.get(call.name)
        if schema is None:
            continue
        found = _of_arguments(call, schema)
        if found is not None:
            return found
    return None


def _of_arguments(call: ToolCall, schema: JsonObject) -> str | None:
    try:
        given = json.loads(call.arguments) if call.arguments.strip() else {}
    except (ValueError, RecursionError):
        return f"the arguments of {call.name} are not JSON"
    if not isinstance(given, Mapping):
        return f"the arguments of {call.name} are not a JSON object"
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in given:
            return f"the call of {call.name} lacks {name!r}"
    return None


def _rounds(messages: Sequence[Message]) -> Iterator[list[ToolCall]]:
    """The tool calls of each answer since a person last said something, the newest first."""
    for message in reversed(messages):
        if message.role is Role.ASSISTANT:
            yield [part for part in message.parts if isinstance(part, ToolCall)]
        elif message.role is Role.USER and own_words(message):
            return


def _circle(rounds: Iterator[list[ToolCall]] | Sequence[list[ToolCall]], repeats: int) -> str | None:
    """The call that stands in each of the newest `repeats` *rounds*."""
    newest = list(islice(rounds, repeats))
    if len(newest) < repeats:
        return None
    common = set.intersection(*({(call.name, call.arguments) for call in calls} for calls in newest))
    return f"{min(common)[0]} was called {repeats} times alike" if common else None
