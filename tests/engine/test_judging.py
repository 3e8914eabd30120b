"""The judge's way to its endpoint: through the gate, as private text, in the shape it can keep to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping

import pytest

from pointsman.core.catalog import ModelCard
from pointsman.core.errors import AttemptFailed, Refused
from pointsman.core.jsontypes import Json
from pointsman.dialects.registry import UPSTREAMS
from pointsman.engine.attempt import ModelCaller
from pointsman.engine.judging import LocalModel
from pointsman.privacy.gate import EgressGate
from pointsman.routing.judge.prompt import judge_request
from pointsman.routing.judge.rubric import RUBRICS, Scale
from pointsman.testing import Answers, FakeProvider, a_card, an_endpoint

QUESTION = judge_request(RUBRICS[Scale.FLASH_PRO], "What is this?", ())


def body(value: Json) -> Answers:
    """An answer of this JSON."""
    return Answers(chunks=(json.dumps(value).encode(),))


def error(status: int) -> Answers:
    """An error without words."""
    return Answers(status=status, chunks=(b"{}",))


PRO = body({"choices": [{"index": 0, "message": {"role": "assistant", "content": "pro"}, "finish_reason": "stop"}]})
PRO_OF_GEMINI = body({"candidates": [{"content": {"role": "model", "parts": [{"text": "pro"}]}}]})


def local(card: ModelCard, *script: Answers) -> tuple[LocalModel, FakeProvider]:
    """The model of *card*, and the endpoint it is at."""
    provider = FakeProvider(card.endpoint, script)
    caller = ModelCaller(
        providers={card.endpoint.name: provider}, upstreams=UPSTREAMS, gate=EgressGate(), clock=time.monotonic
    )
    return LocalModel(caller, card, time.time), provider


async def said(model: LocalModel) -> str:
    """What *model* answers."""
    reply = await model.ask(QUESTION, deadline_s=asyncio.get_running_loop().time() + 30)
    return reply.choices[0].message.text


def sent(provider: FakeProvider) -> list[Mapping[str, Json]]:
    """The bodies that *provider* got."""
    return [json.loads(call.body) for call in provider.calls]


async def test_text_goes_to_a_local_model_only_whatever_the_request_is() -> None:
    """The gate is asked as for a private request, so a card that is not local gets nothing."""
    model, provider = local(a_card("judge", is_local=False), PRO)
    with pytest.raises(Refused, match="Private text may not go to 'cloud', which is not local"):
        await said(model)
    assert provider.calls == []


async def test_it_is_asked_in_its_own_dialect_and_in_time() -> None:
    """LiteRT-LM's path and body; no usage, model or id comes back, and none is needed."""
    model, provider = local(a_card("judge", endpoint=an_endpoint(dialect="gemini")), PRO_OF_GEMINI)
    assert await said(model) == "pro"
    (call,), (asked,) = provider.calls, sent(provider)
    assert call.path == "/models/judge-upstream:generateContent"
    assert call.deadline_s is not None
    assert asked.keys() == {"contents", "systemInstruction", "generationConfig"}
    assert (call.stream, call.headers) == (False, ())


@pytest.mark.parametrize(("status", "n_asked"), [(400, 3), (422, 3), (501, 3), (500, 3)])
async def test_a_server_that_cannot_keep_to_a_shape_is_asked_in_plain_words(status: int, n_asked: int) -> None:
    """One that refuses it is not asked for it again; one that fails at it may succeed the next time."""
    model, provider = local(a_card("judge"), error(status), PRO)
    assert [await said(model), await said(model)] == ["pro", "pro"]
    assert ["response_format" in asked for asked in sent(provider)] == [True, False, status == 500]
    assert len(provider.calls) == n_asked


@pytest.mark.parametrize("status", [401, 404, 429, 502, 503])
async def test_other_errors_have_nothing_to_do_with_the_shape(status: int) -> None:
    """They are the judge's failure at once."""
    model, provider = local(a_card("judge"), error(status), PRO)
    with pytest.raises(AttemptFailed):
        await said(model)
    assert len(provider.calls) == 1


async def test_one_that_fails_in_plain_words_too_has_not_refused_the_shape() -> None:
    """Nothing is learned of it."""
    model, provider = local(a_card("judge"), error(400), error(400), PRO)
    with pytest.raises(AttemptFailed):
        await said(model)
    assert await said(model) == "pro"
    assert ["response_format" in asked for asked in sent(provider)] == [True, False, True]
