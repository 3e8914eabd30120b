"""A real llama.cpp behind the gateway: the official packages and the raw callers, with tools and schemas.

The model is a GGUF file that the tests make: told "Use your tool." it calls the one it knows, and speaks otherwise.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anthropic
import ollama
import openai
import pytest
from google.genai import types

from tests.clients.callers.five import CALLERS
from tests.clients.callers.talk import Caller, Said, Talk
from tests.clients.conftest import serving
from tests.clients.environments import environment
from tests.clients.test_google_genai import opened as opened_genai
from tests.clients.test_matrix import TOWN, told
from tests.clients.test_openai import Dog
from tests.programs.local_model import REQUEST, SPEECH, Act, make_acting_model

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LANGCHAIN: Final = Path(__file__).parent / "outside" / "langchain_llama.py"
ARGUMENTS: Final = {"town": "Ulm"}
MODEL: Final = "local-model"
LIMIT: Final = 64
CONTEXT_TOKENS: Final = 4096


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with the model in its own llama.cpp."""
    folder = tmp_path_factory.mktemp("llama")
    path = folder / "local-model.gguf"
    path.write_bytes(make_acting_model(Act(tool="weather", arguments=json.dumps(ARGUMENTS))))
    gguf = {"path": str(path), "context_tokens": CONTEXT_TOKENS, "threads": 1}
    with serving({"models": [{"name": MODEL, "gguf": gguf}]}, folder) as url:
        yield url


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_every_api_is_answered(llama: str, caller: Caller, *, is_stream: bool) -> None:
    """Words, a tool loop and a shape, through the grammar that llama.cpp makes of it."""
    asked = Said(text=REQUEST)
    talk = Talk(model=MODEL, turns=(Said(text="Hello"),), max_tokens=LIMIT, is_stream=is_stream)
    heard, _ = caller.ask(llama, talk)
    assert heard.text.startswith(SPEECH)
    assert heard.output_tokens > 0
    called, _ = caller.ask(llama, replace(talk, turns=(asked,), tools={"weather": TOWN}))
    assert ([(call.name, call.arguments) for call in called.calls], called.end) == ([("weather", ARGUMENTS)], "calls")
    answered, _ = caller.ask(
        llama, replace(talk, turns=(asked, called, told(called, "sunny")), tools={"weather": TOWN})
    )
    assert answered.text.startswith(SPEECH)
    shaped, _ = caller.ask(llama, replace(talk, schema=SHAPE))
    assert json.loads(shaped.text) in ({"is_true": True}, {"is_true": False})


SHAPE: Final = {
    "type": "object",
    "properties": {"is_true": {"type": "boolean"}},
    "required": ["is_true"],
    "additionalProperties": False,
}
_FUNCTION: Final[Any] = {"name": "weather", "parameters": TOWN}


def test_openai_chat(llama: str) -> None:
    """The official package's stream and its loop."""
    messages: Any = [{"role": "user", "content": REQUEST}]
    tools: Any = [{"type": "function", "function": _FUNCTION}]
    with openai.OpenAI(base_url=f"{llama}/v1", api_key="any", max_retries=0) as client:
        with client.chat.completions.stream(model=MODEL, messages=messages, tools=tools) as stream:
            calls: Any = stream.get_final_completion().choices[0].message.tool_calls
        (call,) = calls
        assert json.loads(call.function.arguments) == ARGUMENTS
        function = {"name": call.function.name, "arguments": call.function.arguments}
        messages += [
            {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ]
        reply = client.chat.completions.create(model=MODEL, messages=messages, tools=tools, max_tokens=LIMIT)
    assert (reply.choices[0].message.content or "").startswith(SPEECH)


def test_openai_responses(llama: str) -> None:
    """The official package's stream, and a loop over the kept answer."""
    tools: Any = [{"type": "function", **_FUNCTION, "strict": False}]
    with openai.OpenAI(base_url=f"{llama}/v1", api_key="any", max_retries=0) as client:
        with client.responses.stream(model=MODEL, input=REQUEST, tools=tools) as stream:
            first = stream.get_final_response()
        (call,) = [item for item in first.output if item.type == "function_call"]
        assert json.loads(call.arguments) == ARGUMENTS
        result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
        reply = client.responses.create(
            model=MODEL, input=result, previous_response_id=first.id, tools=tools, max_output_tokens=LIMIT
        )
    assert reply.output_text.startswith(SPEECH)


def test_anthropic_messages(llama: str) -> None:
    """The official package's stream, its loop and its count."""
    messages: Any = [{"role": "user", "content": REQUEST}]
    more: Any = {"model": MODEL, "max_tokens": LIMIT, "tools": [{"name": "weather", "input_schema": TOWN}]}
    with anthropic.Anthropic(base_url=llama, api_key="any", max_retries=0) as client:
        with client.messages.stream(messages=messages, **more) as stream:
            first = stream.get_final_message()
        (call,) = [block for block in first.content if block.type == "tool_use"]
        assert (call.input, first.stop_reason) == (ARGUMENTS, "tool_use")
        result = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]
        messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": result}]
        reply = client.messages.create(messages=messages, **more)
        assert client.messages.count_tokens(model=MODEL, messages=messages).input_tokens > 0
    assert "".join(block.text for block in reply.content if block.type == "text").startswith(SPEECH)


def test_google_genai(llama: str) -> None:
    """The official package's own loop: it runs the function and asks again."""
    towns = []

    def weather(town: str) -> str:
        """The weather in a town."""
        towns.append(town)
        return "sunny"

    config = types.GenerateContentConfig(tools=[weather], max_output_tokens=LIMIT)
    with opened_genai(llama) as client:
        reply = client.models.generate_content(model=MODEL, contents=REQUEST, config=config)
        pieces = list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
    assert towns == ["Ulm"]
    assert (reply.text or "").startswith(SPEECH)
    assert "".join(piece.text or "" for piece in pieces).startswith(SPEECH)


def test_ollama(llama: str) -> None:
    """The official package's stream and its loop; an answer in the shape of a class."""
    messages: Any = [{"role": "user", "content": REQUEST}]
    tools: Any = [{"type": "function", "function": _FUNCTION}]
    with ollama.Client(host=llama) as client:
        first = client.chat(model=MODEL, messages=messages, tools=tools)
        calls: Any = first.message.tool_calls
        assert [call.function.arguments for call in calls] == [ARGUMENTS]
        messages += [first.message, {"role": "tool", "tool_name": "weather", "content": "sunny"}]
        pieces = client.chat(model=MODEL, messages=messages, tools=tools, stream=True, options={"num_predict": LIMIT})
        assert "".join(piece.message.content or "" for piece in pieces).startswith(SPEECH)
        shaped = client.generate(model=MODEL, prompt="A dog", format={**Dog.model_json_schema(), "properties": _SHORT})
    assert Dog.model_validate_json(shaped.response or "").name == "Rex"


_SHORT: Final = {"name": {"enum": ["Rex"]}, "age": {"type": "integer", "minimum": 1, "maximum": 9}}


@pytest.mark.programs
@pytest.mark.timeout(300)
def test_langchain(llama: str) -> None:
    """Each of its chat models: a stream, a tool call, and the answer to its result."""
    python = environment("clients") / "python"
    done = subprocess.run(
        [python, LANGCHAIN, llama, MODEL, REQUEST], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    heard = json.loads(done.stdout)
    assert list(heard) == ["ChatOpenAI", "ChatOpenAI, Responses", "ChatAnthropic", "ChatGoogle", "ChatOllama"]
    for one in heard.values():
        assert one["arguments"] == ARGUMENTS
        assert one["greeting"].startswith(SPEECH)
        assert one["answer"].startswith(SPEECH)
