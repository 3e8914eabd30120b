"""Two answers beside each other: what a look without a model can tell, and what it leaves open."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Message,
    Part,
    Refusal,
    ResponseFormat,
    Role,
    StopReason,
    Text,
    ToolCall,
    ToolSpec,
    ask,
)
from pointsman.core.jsontypes import JsonObject
from pointsman.core.shadow import Comparison, Likeness
from pointsman.engine.shadow.answers import final_answer, normalised, similarity
from pointsman.engine.shadow.code import MOST_BLOCKS, MOST_CHARS, broken_code
from pointsman.engine.shadow.compare import Seen, compare, seen
from pointsman.engine.shadow.shapes import JsonValue, fits, parsed

QUESTION = ask("What?")
PLACE: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"$ref": "#/$defs/size"}},
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"size": {"type": "integer"}},
}
AS_JSON = ChatRequest(
    messages=QUESTION.messages, response_format=ResponseFormat(kind="json_schema", schema=PLACE, name="place")
)
WITH_TOOL = ChatRequest(messages=QUESTION.messages, tools=(ToolSpec(name="search", parameters=PLACE),))
PROSE = "The sea is blue because water takes in red light more than blue light, and the sky is mirrored in it too."
OTHER_PROSE = "Sunlight is scattered by molecules; longer waves are absorbed, so that a bluish shade is what remains."


def reply(*parts: Part, stop: StopReason | None = StopReason.STOP) -> ChatReply:
    """An answer of these parts."""
    message = Message(role=Role.ASSISTANT, parts=parts)
    return ChatReply(id="r", model="m", created_s=0, choices=(Choice(index=0, message=message, stop_reason=stop),))


def call(name: str = "search", **arguments: object) -> ToolCall:
    """A call of a tool."""
    return ToolCall(id="c", name=name, arguments=json.dumps(arguments))


def said(text: str) -> Seen:
    """An answer of words."""
    return seen(reply(Text(text=text)))


def called(*calls: ToolCall) -> Seen:
    """An answer of calls."""
    return seen(reply(*calls, stop=StopReason.TOOL_CALLS))


def told(served: Seen, copy: Seen, request: ChatRequest = QUESTION) -> tuple[Likeness, str]:
    """The verdict and its one reason."""
    found = compare(request, served, copy)
    (reason,) = found.reasons
    return found.likeness, reason


@pytest.mark.parametrize(
    ("served", "copy", "likeness", "reason"),
    [
        (PROSE, PROSE.upper(), Likeness.AGREES, "the same words"),
        (PROSE, PROSE.replace("too", "as well"), Likeness.AGREES, "nearly the same words"),
        (PROSE, OTHER_PROSE, Likeness.UNCLEAR, "only a reader can tell"),
        ("The answer is **42**.", "#### 42.0", Likeness.AGREES, "the same short answer"),
        ("Answer: (B)", "b", Likeness.AGREES, "the same short answer"),
        ("42", "The answer is 41", Likeness.DIFFERS, "another short answer"),
        ("Yes.", "No, it is not.", Likeness.DIFFERS, "another short answer"),
        (PROSE, "", Likeness.WORSE, "it says nothing"),
        ("", PROSE, Likeness.BETTER, "the caller's answer: it says nothing"),
        ("", " ", Likeness.UNCLEAR, "both say nothing"),
        (PROSE, "I'm sorry, but I can't help with that.", Likeness.WORSE, "it declines"),
        ("I cannot assist.", "I can't help with this.", Likeness.AGREES, "both decline"),
        ("```python\nx = 1\n```", "```python\nx = = 1\n```", Likeness.WORSE, "its Python does not parse"),
        ("```json\n{\n```", "```json\n{}\n```", Likeness.BETTER, "the caller's answer: its JSON does not parse"),
    ],
)
def test_what_two_texts_tell(served: str, copy: str, likeness: Likeness, reason: str) -> None:
    """The first look that tells decides; the reasons quote neither."""
    assert told(said(served), said(copy)) == (likeness, reason)


def test_an_end_for_want_of_room_is_a_fault_unless_the_room_was_ours() -> None:
    """A copy that we cut short ourselves says nothing of its model."""
    cut = reply(Text(text=PROSE), stop=StopReason.LENGTH)
    assert told(said(OTHER_PROSE), seen(cut)) == (Likeness.WORSE, "it was cut off for its length")
    assert told(seen(cut), said(OTHER_PROSE)) == (
        Likeness.BETTER,
        "the caller's answer: it was cut off for its length",
    )
    assert told(said(OTHER_PROSE), seen(cut, was_capped=True)) == (
        Likeness.UNCLEAR,
        "it was cut off at max_output_tokens of the copies",
    )


def test_a_filter_and_a_refusal_of_the_api_decline() -> None:
    """However the endpoint says it."""
    filtered = seen(reply(Text(text="Once"), stop=StopReason.CONTENT_FILTER))
    refused = seen(reply(Refusal(text="no")))
    assert told(said(PROSE), filtered) == told(said(PROSE), refused) == (Likeness.WORSE, "it declines")
    assert told(filtered, refused) == (Likeness.AGREES, "both decline")


def test_an_answer_without_choices_says_nothing() -> None:
    """As some servers send it."""
    nothing = seen(ChatReply(id="", model="", created_s=0, choices=()))
    assert told(said(PROSE), nothing) == (Likeness.WORSE, "it says nothing")


@pytest.mark.parametrize(
    ("served", "copy", "likeness", "reason"),
    [
        ([call(city="Ulm")], [call(city="Ulm")], Likeness.AGREES, "the same tool calls"),
        ([call(city="Ulm")], [call(city="Bonn")], Likeness.AGREES, "the same tools, with other arguments"),
        (
            [call(city="Ulm")],
            [call(size=3)],
            Likeness.WORSE,
            "the arguments of a tool call are not of its schema",
        ),
        ([call(city="Ulm")], [call("find")], Likeness.WORSE, "it calls a tool that there is not"),
        (
            [ToolCall(id="c", name="search", arguments="{")],
            [call(city="Ulm")],
            Likeness.BETTER,
            "the caller's answer: the arguments of a tool call are not a JSON object",
        ),
        ([call(city="Ulm")], [call(city="Ulm"), call(city="Bonn")], Likeness.DIFFERS, "other tools"),
    ],
)
def test_what_tool_calls_tell(served: list[ToolCall], copy: list[ToolCall], likeness: Likeness, reason: str) -> None:
    """Their names, and whether their arguments are of the schema; nothing is called."""
    assert told(called(*served), called(*copy), WITH_TOOL) == (likeness, reason)


def test_a_call_beside_words_differs() -> None:
    """Either may be right: nobody says worse."""
    assert told(called(call(city="Ulm")), said(PROSE), WITH_TOOL) == (
        Likeness.DIFFERS,
        "one calls tools, the other does not",
    )
    assert told(said(PROSE), called(call(city="Ulm")), WITH_TOOL)[0] is Likeness.DIFFERS


def test_a_call_of_a_tool_nobody_described_is_not_judged() -> None:
    """Such as one the endpoint brought along; an empty text means no arguments."""
    bare = ToolCall(id="c", name="anything", arguments=" ")
    assert told(called(bare), called(bare)) == (Likeness.AGREES, "the same tool calls")


@pytest.mark.parametrize(
    ("served", "copy", "likeness", "reason"),
    [
        ('{"city": "Ulm"}', '```json\n{"city":"Ulm"}\n```', Likeness.AGREES, "the same JSON"),
        ('{"city": "Ulm"}', '{"city": "Bonn", "size": 3}', Likeness.DIFFERS, "JSON of the shape, other values"),
        ('{"city": "Ulm"}', '{"town": "Ulm"}', Likeness.WORSE, "its JSON is not of the schema"),
        ('{"city": "Ulm"}', "Ulm", Likeness.WORSE, "it is not the JSON that was asked for"),
        ('{"city": 1}', '{"city": "Ulm"}', Likeness.BETTER, "the caller's answer: its JSON is not of the schema"),
        ("Ulm", "{", Likeness.UNCLEAR, "both: it is not the JSON that was asked for"),
    ],
)
def test_what_json_tells_where_it_was_asked_for(served: str, copy: str, likeness: Likeness, reason: str) -> None:
    """By the schema, and then by the values."""
    assert told(said(served), said(copy), AS_JSON) == (likeness, reason)


def test_json_without_a_schema_has_to_be_an_object_or_a_list() -> None:
    """As `json_object` promises."""
    assert parsed("[1]", None) == JsonValue(value=[1])
    assert parsed("1", None) == "it is no JSON object"


def test_json_too_deep_is_left_open() -> None:
    """No answer can break the comparison, just short of what Python reads either."""
    loose = ChatRequest(messages=QUESTION.messages, response_format=ResponseFormat(kind="json_object"))
    most = sys.getrecursionlimit()
    for depth in range(most - 250, most + 10):
        deep = "[" * depth + "]" * depth
        call = ToolCall(id="c", name="search", arguments=f'{{"city": {deep}}}')
        for request, answer in ((loose, said(deep)), (QUESTION, called(call))):
            assert isinstance(compare(request, answer, answer), Comparison)


@pytest.mark.parametrize(
    ("value", "schema", "is_of_it"),
    [
        (1, {"type": "integer"}, True),
        (1.0, {"type": "integer"}, True),
        (1.5, {"type": "integer"}, False),
        (True, {"type": "integer"}, False),
        (True, {"type": "boolean"}, True),
        (1.5, {"type": "number"}, True),
        (None, {"type": ["string", "null"]}, True),
        (None, {"type": "string"}, False),
        ("a", {"enum": ["a", "b"]}, True),
        ("c", {"enum": ["a", "b"]}, False),
        ("c", {"const": "b"}, False),
        ([1, "a"], {"type": "array", "items": {"type": "integer"}}, False),
        ([1], {"type": "array"}, True),
        ({"a": 1}, {"properties": {"a": {"type": "string"}}}, False),
        (
            {"a": {"b": 1}},
            {"properties": {"a": {"$ref": "#/$defs/x~1y"}}, "$defs": {"x/y": {"required": ["c"]}}},
            False,
        ),
        ({"a": 1}, {"$ref": "elsewhere.json"}, True),
        ({"a": 1}, {"$ref": "#/$defs/none"}, True),
        ("x", {"type": "duration"}, True),
        ("x", True, True),
    ],
)
def test_what_is_of_a_schema(value: object, schema: object, is_of_it: bool) -> None:  # noqa: FBT001  a column
    """What is not known here passes."""
    assert fits(value, schema) is is_of_it  # type: ignore[arg-type]  # JSON, as the columns say


def test_a_schema_that_refers_to_itself_for_ever_ends() -> None:
    """It comes from callers."""
    assert fits({"a": 1}, {"$ref": "#"}) is True
    assert fits({"a": 1}, {"$ref": "#/x", "x": {"$ref": "#/x"}}) is True


def test_code_is_judged_where_it_can_be() -> None:
    """Closed blocks of Python and JSON, not too long, no session with prompts; the first few."""
    bad = "```python\nx = = 1\n```\n"
    assert broken_code(f"```js\n((\n```\n{bad}") == "its Python does not parse"
    assert broken_code("```py\n>>> 1 +\n```") is None
    assert broken_code("```python\nx = = 1") is None
    assert broken_code(f"```python\n{'x' * MOST_CHARS} y\n```") is None
    assert broken_code("```\nx\n```\n" * MOST_BLOCKS + bad) is None
    assert broken_code("```py\nprint('\\d')\n```") is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1,234", "1234"),
        ("\u22125", "-5"),
        ("12.50%", "12.5%"),
        ("Therefore, x = 5", "5"),
        (r"So it is \boxed{7}", "7"),
        ("Antwort: 5 Euro", "5"),
        ("It must be one of several things that I would not name without a further look at all of them", None),
        ("3 or 4", "3 or 4"),
        ("Paris", "paris"),
        ("a cat sat there", "a cat sat there"),
        ("c) Rome", "c"),
        ("No.", "no"),
        ("**", None),
        ("", None),
    ],
)
def test_the_short_answer_of_a_text(text: str, answer: str | None) -> None:
    """One form for each, however it is dressed."""
    assert final_answer(text) == answer


def test_similarity_is_of_words_as_often_as_they_stand_there() -> None:
    """The docstring's example; None where there are no words."""
    assert similarity("a b b", "A, b c!") == pytest.approx(0.667)
    assert similarity("a", "...") is None


TEXTS = st.text(alphabet="ab 1.*`\n{}()[]#-,answer:", max_size=60)


@given(one=TEXTS, other=TEXTS)
def test_any_two_texts_can_be_compared_and_faults_change_sides(one: str, other: str) -> None:
    """Worse one way is better the other way; what else is found is the same both ways."""
    turned = {Likeness.WORSE: Likeness.BETTER, Likeness.BETTER: Likeness.WORSE}
    for request in (QUESTION, AS_JSON):
        found = compare(request, said(one), said(other))
        back = compare(request, said(other), said(one))
        assert back.likeness is turned.get(found.likeness, found.likeness)
    assert normalised(normalised(one)) == normalised(one)


@given(text=TEXTS)
def test_a_text_never_differs_from_itself(text: str) -> None:
    """Whatever it is."""
    assert compare(QUESTION, said(text), said(text)).likeness in {Likeness.AGREES, Likeness.UNCLEAR}
