"""Every API as the caller's, every API as the model's: 25 pairs, whole and streamed, each with the same claims.

The model is strict: what its real API would refuse, it refuses. What it hears and says is the same through each mouth.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import pytest

from tests.clients.callers.five import CALLERS
from tests.clients.callers.talk import Caller, Heard, Said, Talk, Told
from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.upstream import mind

pytestmark = pytest.mark.e2e

PNG: Final = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301"
        "0100c9fe92ef0000000049454e44ae426082"
    )
).decode()
WORDS: Final = 'Grüße, 世界 🚂 — «two\n\nlines» \\ "quoted" and\ttabbed'
TOWN: Final = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
NUMBER: Final = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "of": {"type": "array", "items": {"type": "number"}}},
    "required": ["n", "of"],
}
TOOLS: Final = {"weather": TOWN, "sum_up": NUMBER}
ORDER: Final = 'CALL weather {"town": "Köln"} END CALL sum_up {"n": 2, "of": [1.5, 2]} END'
PERSON: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
UNCACHED: Final = frozenset({"ollama"})  # its API counts no tokens from a cache
UNFORCED: Final = frozenset({"ollama"})  # its API cannot force a tool
UNLEVELLED: Final = frozenset({"ollama"})  # thinking is on or off there, and an error for models that cannot
UNFILTERED: Final = frozenset({"ollama"})  # its API has no word for a filter's stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Who asks in which API, and which API answers."""

    caller: Caller
    model: str
    is_stream: bool

    @property
    def name(self) -> str:
        """As in a test's id."""
        return f"{self.caller.name}-{self.model}-{'stream' if self.is_stream else 'whole'}"

    def talk(self, *turns: Said | Heard | tuple[Told, ...]) -> Talk:
        """A request to the model."""
        return Talk(model=self.model, turns=turns, is_stream=self.is_stream)

    def lack(self, apis: frozenset[str]) -> bool:
        """Whether either side is one of *apis*."""
        return bool({self.caller.name, self.model} & apis)


PAIRS: Final = [
    Pair(caller=caller, model=model, is_stream=is_stream)
    for caller, model, is_stream in itertools.product(CALLERS.values(), UPSTREAMS, (False, True))
]
pairs = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
PATHS: Final = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "gemini": "/v1beta/models/gemini-3-scripted:",
    "ollama": "/api/chat",
}


@pairs
def test_words_arrive_whole(place: Place, pair: Pair) -> None:
    """Any letter, both ways; the end and the tokens are told in the caller's words; one request of the model's API."""
    talk = replace(pair.talk(Said(text=WORDS)), system="Be brief.", max_tokens=2000)
    heard, answer = pair.caller.ask(place.url, talk)
    assert (heard.text, heard.end, heard.calls) == (f"You said: {WORDS}\nI was told: Be brief.", "stop", ())
    assert (heard.input_tokens, heard.output_tokens) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    if not pair.lack(UNCACHED):
        assert heard.cached == mind.CACHED_TOKENS
    assert answer.headers["x-pointsman-model"] == pair.model
    assert "x-pointsman-dropped" not in answer.headers
    (call,) = place.upstream.calls
    assert call.path.startswith(PATHS[pair.model])


@pairs
def test_tools_are_called_and_their_results_read(place: Place, pair: Pair) -> None:
    """Two calls at once, with their arguments; the results find their calls in the second turn."""
    asked = Said(text=ORDER)
    heard, _ = pair.caller.ask(place.url, replace(pair.talk(asked), tools=TOOLS))
    assert [(call.name, call.arguments) for call in heard.calls] == [
        ("weather", {"town": "Köln"}),
        ("sum_up", {"n": 2, "of": [1.5, 2]}),
    ]
    assert (heard.end, heard.text) == ("calls", "")
    assert (heard.input_tokens, heard.output_tokens) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    assert len({call.id for call in heard.calls}) == 2
    answered, answer = pair.caller.ask(
        place.url, replace(pair.talk(asked, heard, told(heard, "sunny", "3.5")), tools=TOOLS)
    )
    assert (answered.text, answered.end) == ("The tools said: weather = sunny; sum_up = 3.5", "stop")
    assert "x-pointsman-dropped" not in answer.headers


def told(heard: Heard, *texts: str) -> tuple[Told, ...]:
    """What the tools that *heard* calls gave back."""
    return tuple(
        Told(call_id=call.id, name=call.name, text=text) for call, text in zip(heard.calls, texts, strict=True)
    )


@pairs
def test_one_tool_is_forced(place: Place, pair: Pair) -> None:
    """Nothing in the words asks for it. An API that cannot force says so in x-pointsman-dropped."""
    talk = replace(pair.talk(Said(text="'Bonn' 4 5")), tools=TOOLS, choice="sum_up")
    heard, answer = pair.caller.ask(place.url, talk)
    if pair.caller.name in UNFORCED:
        assert heard.calls == ()
    elif pair.model in UNFORCED:
        assert (heard.calls, "tool" in answer.headers["x-pointsman-dropped"].lower()) == ((), True)
    else:
        assert [(call.name, call.arguments) for call in heard.calls] == [("sum_up", {"n": 4, "of": [5.0]})]


@pairs
@pytest.mark.parametrize(("choice", "called"), [("any", ["weather"]), ("none", [])])
def test_some_tool_is_forced_or_forbidden(place: Place, pair: Pair, choice: str, called: list[str]) -> None:
    """Some tool is called though none was spoken of; none is though one was. Where that cannot be said, it is told."""
    text = "'Bonn'" if choice == "any" else "weather"
    heard, answer = pair.caller.ask(
        place.url, replace(pair.talk(Said(text=text)), tools={"weather": TOWN}, choice=choice)
    )
    if pair.caller.name in UNFORCED:
        return
    if pair.model in UNFORCED and choice == "any":
        assert "tool" in answer.headers["x-pointsman-dropped"].lower()
    else:
        assert [call.name for call in heard.calls] == called


@pairs
def test_one_call_at_a_time(place: Place, pair: Pair) -> None:
    """The second order waits, where both APIs can say so; where the model's cannot, it is told."""
    heard, answer = pair.caller.ask(place.url, replace(pair.talk(Said(text=ORDER)), tools=TOOLS, one_call=True))
    cannot_say = frozenset({"gemini", "ollama"})
    if pair.caller.name in cannot_say:
        return
    if pair.model in cannot_say:
        assert "parallel" in answer.headers["x-pointsman-dropped"]
    else:
        assert [call.name for call in heard.calls] == ["weather"]


@pairs
def test_an_answer_has_the_shape_of_its_schema(place: Place, pair: Pair) -> None:
    """JSON that fits, from every API that can be held to a schema: all five."""
    heard, answer = pair.caller.ask(
        place.url, replace(pair.talk(Said(text="Rex: 'Rex' is 3. Answer in JSON.")), schema=PERSON)
    )
    assert heard.text == '{"name": "Rex", "age": 3}'
    assert "x-pointsman-dropped" not in answer.headers


@pairs
def test_an_image_is_seen(place: Place, pair: Pair) -> None:
    """Its bytes and its type, beside the words."""
    heard, _ = pair.caller.ask(place.url, pair.talk(Said(text="Look.", png=PNG)))
    assert heard.text == f"You said: Look.\nI see: image/png {len(base64.b64decode(PNG))}"


@pairs
def test_thinking_is_shown_and_goes_back(place: Place, pair: Pair) -> None:
    """Before the answer; in the next turn its model gets it back as it wants it, signatures and all."""
    talk = replace(pair.talk(Said(text="weather in 'Ulm'")), tools={"weather": TOWN}, thinks=True)
    heard, answer = pair.caller.ask(place.url, talk)
    if pair.lack(UNLEVELLED) and pair.caller.name != pair.model:
        assert set(answer.headers["x-pointsman-dropped"].split(", ")) & {"think", "reasoning_effort"}
        return
    assert heard.thinking.strip() == mind.THOUGHT.strip()
    assert heard.reasoning in {mind.REASONING_TOKENS, None}
    more = replace(talk, turns=(*talk.turns, heard, told(heard, "sunny")))
    answered, _ = pair.caller.ask(place.url, more)
    assert answered.text == "The tools said: weather = sunny"
    last = replace(more, turns=(*more.turns, answered, Said(text="Thanks.")))
    assert pair.caller.ask(place.url, last)[0].text == "You said: Thanks."


@pairs
def test_an_answer_is_cut_at_its_limit(place: Place, pair: Pair) -> None:
    """The limit arrives, and that it was met comes back."""
    text = " ".join(str(number) for number in range(40))
    heard, _ = pair.caller.ask(place.url, replace(pair.talk(Said(text=text)), max_tokens=16))
    assert (heard.end, heard.text.split()[-1]) == ("length", "13")


@pairs
def test_an_answer_ends_at_a_stop_sequence(place: Place, pair: Pair) -> None:
    """Where the API has them: Responses does not."""
    heard, answer = pair.caller.ask(place.url, replace(pair.talk(Said(text="one STOP two")), stops=("STOP",)))
    if pair.caller.name == "openai_responses":
        return
    if pair.model == "openai_responses":
        assert "stop" in answer.headers["x-pointsman-dropped"]
    else:
        assert (heard.text.rstrip(), heard.end) == ("You said: one", "stop")


@pairs
def test_what_a_filter_stopped_says_so(place: Place, pair: Pair) -> None:
    """In the caller's own word for it."""
    heard, _ = pair.caller.ask(place.url, pair.talk(Said(text="BLOCK this")))
    assert heard.end == ("stop" if pair.lack(UNFILTERED) else "filter")


@pairs
@pytest.mark.parametrize(("asked", "status"), [("FAIL 400", 400), ("FAIL 429", 429), ("FAIL 500", 503)])
def test_an_error_comes_in_the_callers_shape(place: Place, pair: Pair, asked: str, status: int) -> None:
    """The model's own words in it where the request was at fault; not to be tried again."""
    answer = pair.caller.send(place.url, pair.talk(Said(text=asked)))
    assert answer.status == status
    assert pair.model in pair.caller.error(answer.json) or "The script says so." in pair.caller.error(answer.json)
    assert answer.headers["x-should-retry"] == "false"


SWITCHES: Final = [
    (caller, first, second)
    for caller, first, second in itertools.product(CALLERS.values(), UPSTREAMS, UPSTREAMS)
    if first != second
]


@pytest.mark.parametrize(
    ("caller", "first", "second"), SWITCHES, ids=[f"{caller.name}-{one}-to-{two}" for caller, one, two in SWITCHES]
)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_another_model_goes_on(place: Place, caller: Caller, first: str, second: str, *, is_stream: bool) -> None:
    """Thinking, signatures and call ids of one model, and a tool's result of now, do not upset the next; nor back."""
    asked = Said(text="weather in 'Ulm'")
    talk = Talk(model=first, turns=(asked,), tools={"weather": TOWN}, thinks=True, is_stream=is_stream)
    heard, _ = caller.ask(place.url, talk)
    turns = (asked, heard, told(heard, "sunny"))
    answered, _ = caller.ask(place.url, replace(talk, model=second, turns=turns))
    assert answered.text == "The tools said: weather = sunny"
    back, _ = caller.ask(place.url, replace(talk, turns=(*turns, answered, Said(text="Again, weather in 'Bonn'"))))
    assert [call.arguments for call in back.calls] == [{"town": "Bonn"}]
    final = (*turns, answered, Said(text="Again, weather in 'Bonn'"), back, told(back, "grey"))
    assert caller.ask(place.url, replace(talk, model=second, turns=final))[0].text == "The tools said: weather = grey"


def test_every_pair_is_there() -> None:
    """Five by five, whole and streamed."""
    by_pair: Mapping[tuple[str, str], int] = {(one.caller.name, one.model): 0 for one in PAIRS}
    assert (len(by_pair), len(PAIRS)) == (25, 50)
