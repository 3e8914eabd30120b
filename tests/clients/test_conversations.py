"""Conversations of an unusual course: each reaches a strict model of another API in a form that it takes."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.clients.callers.five import CALLERS
from tests.clients.callers.talk import Heard, Said, Sent, post
from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.test_matrix import PAIRS, PNG, TOWN, Pair, told

pytestmark = pytest.mark.e2e
PDF: Final = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
# Within one API a body goes on as it is: what that API takes is its own affair.
others = pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair.caller.name != pair.model], ids=lambda pair: pair.name
)


@others
def test_the_user_may_speak_twice(place: Place, pair: Pair) -> None:
    """No word of either turn is lost."""
    heard, _ = pair.caller.ask(place.url, pair.talk(Said(text="One."), Said(text="Two.")))
    assert heard.text == "You said: One.\nTwo."


@others
def test_the_assistant_may_speak_first(place: Place, pair: Pair) -> None:
    """As in a chat that opens with a welcome."""
    welcome, _ = pair.caller.ask(place.url, pair.talk(Said(text="SAY Welcome! END")))
    heard, _ = pair.caller.ask(place.url, pair.talk(welcome, Said(text="Hi")))
    assert heard.text == "You said: Hi"


@others
def test_words_may_follow_a_tools_result(place: Place, pair: Pair) -> None:
    """The result goes to its call, the words to the user."""
    asked = Said(text="weather in 'Ulm'")
    talk = replace(pair.talk(asked), tools={"weather": TOWN})
    called, _ = pair.caller.ask(place.url, talk)
    turns = (asked, called, told(called, "sunny"), Said(text="Be quick."))
    heard, _ = pair.caller.ask(place.url, replace(talk, turns=turns))
    assert heard.text == "The tools said: weather = sunny"


@others
def test_the_tools_may_be_gone(place: Place, pair: Pair) -> None:
    """A history of calls is understood though no tool is on offer any more."""
    asked = Said(text="weather in 'Ulm'")
    called, _ = pair.caller.ask(place.url, replace(pair.talk(asked), tools={"weather": TOWN}))
    heard, _ = pair.caller.ask(place.url, pair.talk(asked, called, told(called, "sunny")))
    assert heard.text == "The tools said: weather = sunny"


@others
def test_a_result_may_be_empty(place: Place, pair: Pair) -> None:
    """A tool that gave nothing back has still answered."""
    asked = Said(text="weather in 'Ulm'")
    talk = replace(pair.talk(asked), tools={"weather": TOWN})
    called, _ = pair.caller.ask(place.url, talk)
    heard, _ = pair.caller.ask(place.url, replace(talk, turns=(asked, called, told(called, ""))))
    assert heard.text.startswith("The tools said: weather =")


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.caller.name != "ollama"], ids=lambda pair: pair.name)
def test_a_file_is_seen_or_refused_by_name(place: Place, pair: Pair) -> None:
    """Its bytes and its type; a model whose API has no files is not asked without it."""
    talk = pair.talk(Said(text="Read.", pdf=PDF))
    if pair.model == "ollama":
        answer = pair.caller.send(place.url, talk)
        assert (answer.status, place.upstream.calls) == (400, [])
        assert "content" in pair.caller.error(answer.json) or "file" in pair.caller.error(answer.json)
        return
    heard, _ = pair.caller.ask(place.url, talk)
    assert heard.text == f"You said: Read.\nI see: application/pdf {len(base64.b64decode(PDF))}"


@pytest.mark.parametrize("model", UPSTREAMS)
def test_a_system_prompt_may_come_later(place: Place, model: str) -> None:
    """Claude Code sends such; every model hears of it."""
    hi: dict[str, Any] = {"role": "user", "content": "Hi"}
    said: dict[str, Any] = {"role": "assistant", "content": "Hello"}
    later: dict[str, Any] = {"role": "system", "content": "Speak French."}
    body = {"model": model, "messages": [hi, said, later, {"role": "user", "content": "How are you?"}]}
    sent = Sent(path="/v1/chat/completions", body=body)
    heard = CALLERS["openai_chat"].whole(post(place.url, sent).json)
    assert "How are you?" in heard.text
    assert "Speak French." in heard.text


@pytest.mark.parametrize("model", UPSTREAMS)
def test_a_tool_may_give_an_image(place: Place, model: str) -> None:
    """As coding agents read one: the model sees it, inside the result or beside it."""
    caller = CALLERS["anthropic_messages"]
    pair = Pair(caller=caller, model=model, is_stream=False)
    asked = Said(text="weather in 'Ulm'")
    talk = replace(pair.talk(asked), tools={"weather": TOWN})
    called, _ = caller.ask(place.url, talk)
    sent = caller.request(replace(talk, turns=(asked, called, told(called, "see"))))
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    sent.body["messages"][-1]["content"][0]["content"] = [
        {"type": "text", "text": "see"},
        {"type": "image", "source": source},
    ]
    answer = post(place.url, sent)
    assert answer.status == 200, answer.data.decode()
    assert PNG in str(place.upstream.calls[-1].body)
    heard: Heard = caller.whole(answer.json)
    assert heard.text.startswith("The tools said: weather = see")
