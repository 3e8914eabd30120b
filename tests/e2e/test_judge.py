"""The local judge as it is configured: a real llama.cpp, alone or as a second opinion, also in `pointsman route`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from pointsman.bootstrap import judge_alone, open_decider
from pointsman.config import load
from pointsman.core.chat import ChatRequest, EmbeddingRequest, Message, Role, Text, ask
from pointsman.core.decision import Decision
from pointsman.core.jsontypes import Json
from tests.e2e.conftest import Gateway, client_of, models_of
from tests.e2e.test_main_job import Llamas
from tests.faults.upstream import GEMINI, faulty, good

pytestmark = pytest.mark.e2e

POINTSMAN = Path(sys.executable).parent / "pointsman"
NOWHERE = "http://127.0.0.1:9/v1"
MODELS = [
    {"name": name, "model": "x", "base_url": NOWHERE, "local": True, "tier": tier}
    for name, tier in {"small": "simple", "middle": "medium", "large": "complex", "deep": "reasoning"}.items()
]
STRANGE = "Blorf the zzyzx qwrtpl vlimpk."
HARD = "please debug this deadlock in the distributed algorithm"


async def decided(folder: Path, classifier: Mapping[str, object], *requests: ChatRequest) -> list[Decision]:
    """The decisions on *requests* by a judge configured so."""
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump({"models": MODELS, "classifier": {"enabled": True, **classifier}}))
    async with open_decider(load(config=path, environ={}, cwd=folder)) as router:
        return [await router.decide(request) for request in requests]


async def route(folder: Path, *arguments: str) -> tuple[int | None, str, str]:
    """Exit code and both outputs of `pointsman route`."""
    process = await asyncio.create_subprocess_exec(
        *(str(POINTSMAN), "route", "--config", str(folder / "pointsman.yaml"), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_gguf_model_judges_for_the_command_line(tmp_path: Path, model_files: Mapping[str, Path]) -> None:
    """`pointsman route` loads that one alone; the confidence comes of llama.cpp's likelihoods."""
    gguf = {"path": str(model_files["demo-small"]), "context_tokens": 2048}
    unwanted = {"name": "unwanted", "gguf": "missing.gguf"}
    judge = {"enabled": True, "model": "tiny", "deadline_ms": 20_000}
    config = {"models": [*MODELS, {"name": "tiny", "gguf": gguf}, unwanted], "classifier": judge}
    (tmp_path / "pointsman.yaml").write_text(yaml.safe_dump(config))
    code, out, err = await route(tmp_path, "--json", HARD)
    found = json.loads(out)
    assert (code, err) == (0, f"loading {model_files['demo-small']}\n")
    assert (found["model"], found["tier"], found["strategy"]) == ("large", "complex", "local-judge")
    assert 0.5 < found["confidence"] < 1.0
    assert found["reason"] == found["trail"][-1]["detail"] == "tiny says 'pro' -> complex"
    lines = tmp_path / "prompts.jsonl"
    lines.write_text(json.dumps({"prompt": HARD}) + "\n" + json.dumps({"prompt": "tell me a joke"}) + "\n")
    code, out, _ = await route(tmp_path, "--data", str(lines))
    assert (code, out) == (0, "-\tcomplex\tlarge\t\tlocal-judge\n-\tsimple\tsmall\t\tlocal-judge\n")


async def test_a_model_of_the_gateway_can_be_its_judge(gateway: Gateway, shared_llamas: Llamas) -> None:
    """One llama.cpp judges, and answers what it finds easy."""
    judge: Json = {"enabled": True, "model": "demo-small", "deadline_ms": 20_000}
    async with (
        gateway({"models": models_of(shared_llamas), "classifier": judge}) as base_url,
        client_of(base_url) as client,
    ):
        answers = [
            await client.chat.completions.with_raw_response.create(
                model="auto", messages=[{"role": "user", "content": text}], max_tokens=4
            )
            for text in (HARD, "tell me a joke")
        ]
    assert [answer.headers["x-pointsman-strategy"] for answer in answers] == ["local-judge"] * 2
    assert [answer.headers["x-pointsman-model"] for answer in answers] == ["demo-large", "demo-small"]


async def test_a_second_opinion_is_heard_only_where_the_scorer_is_unsure(tmp_path: Path) -> None:
    """A greeting is settled by the scorer; what is like nothing it has seen goes to the judge."""
    async with faulty(good(GEMINI, '{"model_choice": "pro"}')) as server:
        judge = {"host": server.url, "mode": "second-opinion", "deadline_ms": 20_000}
        sure, unsure = await decided(tmp_path, judge, ask("Hi"), ask(STRANGE))
    assert (sure.strategy, sure.model) == ("learned", "small")
    assert (unsure.strategy, unsure.model) == ("local-judge", "large")
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("settings", "answer", "model"),
    [
        ({"labels": "tiers"}, '{"tier": "reasoning"}', "deep"),
        ({"labels": "score"}, '{"complexity_score": 33}', "middle"),
        ({"tiers": {"flash": "medium", "pro": "reasoning"}}, "flash", "middle"),
        ({"tiers": {"pro": "reasoning"}}, "pro", "deep"),
        ({"tiers": {"pro": "reasoning"}}, "flash", "small"),
    ],
)
async def test_what_its_words_stand_for_is_configured(
    tmp_path: Path, settings: Mapping[str, object], answer: str, model: str
) -> None:
    """Other scales, other tiers."""
    async with faulty(good(GEMINI, answer)) as server:
        (decision,) = await decided(tmp_path, {"host": server.url, "deadline_ms": 20_000, **settings}, ask("Hm?"))
    assert (decision.strategy, decision.model) == ("local-judge", model)


async def test_it_is_shown_as_many_turns_as_are_configured(tmp_path: Path) -> None:
    """None, or the last ones before the ask; the system prompt never."""
    turns = ((Role.SYSTEM, "Secret."), (Role.USER, "One."), (Role.ASSISTANT, "Two."), (Role.USER, "Three?"))
    request = ChatRequest(messages=tuple(Message(role=role, parts=(Text(text=text),)) for role, text in turns))
    shown = []
    for number in (0, 1, 4):
        async with faulty(good(GEMINI, "flash")) as server:
            await decided(tmp_path, {"host": server.url, "deadline_ms": 20_000, "history_turns": number}, request)
        said = json.dumps((server.calls[0].body or {})["contents"])
        shown.append([text for _, text in turns if text in said])
    assert shown == [["Three?"], ["Two.", "Three?"], ["One.", "Two.", "Three?"]]


async def test_texts_to_embed_are_not_judged(tmp_path: Path) -> None:
    """In them nothing is asked."""
    path = tmp_path / "pointsman.yaml"
    async with faulty(good(GEMINI, "pro")) as server:
        path.write_text(yaml.safe_dump({"models": MODELS, "classifier": {"enabled": True, "host": server.url}}))
        async with open_decider(load(config=path, environ={}, cwd=tmp_path)) as router:
            decision = await router.decide(EmbeddingRequest(inputs=("x",)))
    assert (decision.strategy, server.calls) == ("default", [])


async def test_a_judge_that_was_not_started_is_left_out(tmp_path: Path) -> None:
    """A GGUF model has no address before it is served; where it is not needed none is started."""
    path = tmp_path / "pointsman.yaml"
    models = [*MODELS, {"name": "tiny", "gguf": "tiny.gguf"}]
    path.write_text(yaml.safe_dump({"models": models, "classifier": {"enabled": True, "model": "tiny"}}))
    loaded = load(config=path, environ={}, cwd=tmp_path)
    async with open_decider(loaded) as router:
        decision = await router.decide(ask("Hm?"))
    assert "local-judge" not in [step.strategy for step in decision.trail]
    assert decision.strategy == "learned"
    assert [model.id for model in judge_alone(loaded).gguf_models] == ["tiny"]
    assert judge_alone(load(config=None, environ={}, cwd=tmp_path / "nowhere")).gguf_models == ()
