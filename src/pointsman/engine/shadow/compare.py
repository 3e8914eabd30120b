"""Two answers to one request beside each other, by what is cheap to look at. No model is asked, nothing is run.

looked at, in this order; the first that tells decides        tells
nothing said, a refusal, a filter                             worse, better; agrees when both decline
tool calls: names, arguments by their schema                  worse, better; agrees or differs by the names
JSON, where it was asked for                                  worse, better; agrees or differs by the value
an end for want of room                                       worse, better
fenced code that does not parse (Python, JSON)                worse, better
the same words                                                agrees
a short answer: a number, a letter, yes or no, a few words    agrees, differs
nearly the same words                                         agrees
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Refusal, StopReason, Text, ToolCall
from pointsman.core.shadow import Comparison, Likeness
from pointsman.core.values import value_type
from pointsman.engine.escalation_signs import is_refusal
from pointsman.engine.shadow.answers import final_answer, normalised, similarity
from pointsman.engine.shadow.code import broken_code
from pointsman.engine.shadow.shapes import JsonValue, complaint, parsed, same_calls

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, ChatRequest

ALIKE: Final = 0.9
"""The similarity from which on two texts are taken to say the same."""
MOST_CHARS: Final = 20_000
"""Of a text that is looked at: what is behind it may differ."""


@value_type
class Seen:
    """What can be seen in one answer. `was_capped`: an end for want of room would be our doing, not the model's."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    declines: bool = False
    ran_out: bool = False
    was_capped: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return not self.text.strip() and not self.calls and not self.declines


_Found = tuple[Likeness, str] | None


def seen(reply: ChatReply, *, was_capped: bool = False) -> Seen:
    """*reply*'s first choice."""
    if not reply.choices:
        return Seen(text="")
    choice = reply.choices[0]
    parts = choice.message.parts
    text = "".join(part.text for part in parts if isinstance(part, Text))[:MOST_CHARS]
    calls = tuple(part for part in parts if isinstance(part, ToolCall))
    refuses = choice.stop_reason is StopReason.CONTENT_FILTER or any(isinstance(part, Refusal) for part in parts)
    return Seen(
        text=text,
        calls=calls,
        declines=refuses or (not calls and is_refusal(text)),
        ran_out=choice.stop_reason is StopReason.LENGTH,
        was_capped=was_capped,
    )


def compare(request: ChatRequest, served: Seen, copy: Seen) -> Comparison:
    """How *copy* compares with the answer that was *served* to *request*."""
    try:
        return _compared(request, served, copy)
    except RecursionError:  # JSON that can be read, and is too deep for anything else
        return Comparison(likeness=Likeness.UNCLEAR, reasons=("its JSON is too deep to be compared",))


def _compared(request: ChatRequest, served: Seen, copy: Seen) -> Comparison:
    alike = similarity(served.text, copy.text)
    for look in _LOOKS:
        found = look(request, served, copy)
        if found is not None:
            return Comparison(likeness=found[0], reasons=(found[1],), similarity=alike)
    if alike is not None and alike >= ALIKE:
        return Comparison(likeness=Likeness.AGREES, reasons=("nearly the same words",), similarity=alike)
    return Comparison(likeness=Likeness.UNCLEAR, reasons=("only a reader can tell",), similarity=alike)


def _fault(served: str | None, copy: str | None) -> _Found:
    """Who alone has a fault; None when both or neither has."""
    if copy is not None and served is None:
        return Likeness.WORSE, copy
    if served is not None and copy is None:
        return Likeness.BETTER, f"the caller's answer: {served}"
    return None


def _of_words_at_all(_request: ChatRequest, served: Seen, copy: Seen) -> _Found:
    if served.declines and copy.declines:
        return Likeness.AGREES, "both decline"
    found = _fault(_silence(served), _silence(copy))
    if found is None and served.is_empty:  # and so is the other
        return Likeness.UNCLEAR, "both say nothing"
    return found


def _silence(one: Seen) -> str | None:
    return "it declines" if one.declines else "it says nothing" if one.is_empty else None


def _of_calls(request: ChatRequest, served: Seen, copy: Seen) -> _Found:
    if not served.calls and not copy.calls:
        return None
    found = _fault(complaint(served.calls, request.tools), complaint(copy.calls, request.tools))
    if found is not None:
        return found
    names = [sorted(call.name for call in one.calls) for one in (served, copy)]
    if names[0] != names[1]:
        return Likeness.DIFFERS, "other tools" if all(names) else "one calls tools, the other does not"
    if same_calls(served.calls, copy.calls):
        return Likeness.AGREES, "the same tool calls"
    return Likeness.AGREES, "the same tools, with other arguments"


def _of_json(request: ChatRequest, served: Seen, copy: Seen) -> _Found:
    shape = request.response_format
    if shape is None or shape.kind == "text" or served.calls:
        return None
    values = [parsed(one.text, shape.schema) for one in (served, copy)]
    faults = [None if isinstance(value, JsonValue) else value for value in values]
    found = _fault(*faults)
    if found is not None:
        return found
    if faults[0] is not None:
        return Likeness.UNCLEAR, f"both: {faults[0]}"
    same = values[0] == values[1]
    return (Likeness.AGREES, "the same JSON") if same else (Likeness.DIFFERS, "JSON of the shape, other values")


def _of_the_end(_request: ChatRequest, served: Seen, copy: Seen) -> _Found:
    if copy.ran_out and copy.was_capped and not served.ran_out:
        return Likeness.UNCLEAR, "it was cut off at max_output_tokens of the copies"
    ends = ["it was cut off for its length" if one.ran_out else None for one in (served, copy)]
    return _fault(*ends)


def _of_code(_request: ChatRequest, served: Seen, copy: Seen) -> _Found:
    return _fault(broken_code(served.text), broken_code(copy.text))


def _of_words(_request: ChatRequest, served: Seen, copy: Seen) -> _Found:
    if normalised(served.text) == normalised(copy.text):
        return Likeness.AGREES, "the same words"
    answers = final_answer(served.text), final_answer(copy.text)
    if None in answers:
        return None
    if answers[0] == answers[1]:
        return Likeness.AGREES, "the same short answer"
    return Likeness.DIFFERS, "another short answer"


_LOOKS: Final[tuple[Callable[[ChatRequest, Seen, Seen], _Found], ...]] = (
    _of_words_at_all,
    _of_calls,
    _of_json,
    _of_the_end,
    _of_code,
    _of_words,
)
