"""A request as its preset has it: nothing the caller said is changed, and applying it again changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.config.chat_presets import presets_of
from pointsman.config.schema_presets import PresetSettings
from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatRequest, EmbeddingRequest, Sampling, ToolChoice, ToolMode, ToolSpec, ask
from pointsman.core.jsontypes import Json
from pointsman.dialects.raw import parse_body
from pointsman.dialects.registry import SURFACES
from pointsman.engine.inbound import Inbound
from pointsman.engine.preset import applied
from tests.engine.rig import inbound as lines

SETTINGS = PresetSettings(system="Be brief.", temperature=0.5, max_tokens=9, tools=["read_*"])
TERSE = presets_of({"terse": SETTINGS})["auto:terse"]
HI = '"messages": [{"role": "user",  "content": "hi"}]'


def chat(body: str, dialect: str = "openai_chat", operation: Operation = Operation.CHAT) -> Inbound:
    """A request of *dialect* as a gateway takes it."""
    raw = parse_body(body.encode())
    request = SURFACES[dialect].decode_chat(raw.value)
    return Inbound(request=request, arrived_s=0.0, operation=operation, raw=raw, relays_to=dialect)


def said(inbound: Inbound) -> Json:
    """The body as it would be relayed."""
    assert inbound.raw is not None
    return inbound.raw.value


def test_what_the_caller_did_not_say_is_said() -> None:
    """In the neutral form and in the body alike; the rest of the bytes is as it came."""
    made = applied(chat(f'{{"odd":  1.50, {HI}}}'), TERSE)
    assert made.raw is not None
    assert '"odd":  1.50' in made.raw.text
    assert said(made) == {
        "temperature": 0.5,
        "max_tokens": 9,
        "odd": 1.5,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    }
    assert isinstance(made.request, ChatRequest)
    assert SURFACES["openai_chat"].decode_chat(made.raw.value) == made.request


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai_chat", f"{{{HI}}}"),
        ("openai_responses", '{"input": "hi"}'),
        ("anthropic_messages", f'{{"max_tokens": 5, {HI}}}'),
        ("gemini", '{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}'),
        ("ollama", f"{{{HI}}}"),
    ],
)
def test_both_forms_say_the_same_in_every_dialect(dialect: str, body: str) -> None:
    """What is relayed is what would be translated, and it is done once."""
    made = applied(chat(body, dialect), TERSE)
    assert made.raw is not None
    assert isinstance(made.request, ChatRequest)
    relayed = SURFACES[dialect].decode_chat(made.raw.value)
    assert relayed.sampling == made.request.sampling
    assert [(one.role, one.text) for one in relayed.messages] == [(one.role, one.text) for one in made.request.messages]
    assert applied(made, TERSE) is made


def test_what_the_caller_said_stays() -> None:
    """A system prompt, a temperature and a limit by any of its names."""
    body = '{"temperature": 1, "max_completion_tokens": 5, "messages": [{"role": "developer", "content": "Rhyme."}]}'
    asked = chat(body)
    assert applied(asked, TERSE) is asked


def test_tools_that_are_not_allowed_are_taken_out() -> None:
    """And the choice of one of them."""
    tools = tuple(ToolSpec(name=name) for name in ("read_file", "write_file"))
    request = ChatRequest(
        messages=ask("hi").messages, tools=tools, tool_choice=ToolChoice(mode=ToolMode.REQUIRED, name="write_file")
    )
    made = applied(Inbound(request=request, arrived_s=0.0), TERSE).request
    assert isinstance(made, ChatRequest)
    assert (made.tools, made.tool_choice) == (tools[:1], None)


def test_counting_tokens_counts_the_prompt_without_settings() -> None:
    """Anthropic's count refuses a temperature."""
    made = applied(chat(f'{{"max_tokens": 5, {HI}}}', "anthropic_messages", Operation.COUNT_TOKENS), TERSE)
    assert isinstance(made.request, ChatRequest)
    assert made.request.sampling == Sampling(max_output_tokens=5)
    assert said(made) == {"system": "Be brief.", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


def test_a_completion_has_settings_but_no_system_prompt() -> None:
    """There is nowhere to say it."""
    made = applied(replace(lines("hi", relays_to=None), operation=Operation.COMPLETIONS), TERSE)
    assert isinstance(made.request, ChatRequest)
    assert made.request.messages == ask("hi").messages
    assert made.request.sampling == Sampling(temperature=0.5, max_output_tokens=9)


def test_texts_to_embed_are_left_alone() -> None:
    """A preset says nothing of them."""
    asked = Inbound(request=EmbeddingRequest(inputs=("a",)), arrived_s=0.0, operation=Operation.EMBEDDINGS)
    assert applied(asked, TERSE) is asked


def test_geminis_other_spelling_is_translated() -> None:
    """The same object under two names would be refused."""
    body = '{"generation_config": {"topK": 1}, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}'
    assert applied(chat(body, "gemini"), TERSE).raw is None
