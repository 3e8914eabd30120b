"""Real llama.cpp behind the gateway where the main job does not go: legacy completions, embeddings, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import openai
import pytest

from pointsman.adapters.runtimes.embedded_llama import EmbeddedLlama, EmbeddedRuntime, ModelFile
from pointsman.core.jsontypes import Json
from tests.e2e.conftest import Gateway, client_of, models_of
from tests.e2e.test_main_job import HARD, MEDIUM, SIMPLE, Llamas, user

pytestmark = pytest.mark.e2e

N_PARALLEL = 51
OPENINGS = {
    SIMPLE: "This is the small demo model.",
    MEDIUM: "This is the medium demo model.",
    HARD: "This is the large demo model.",
}


@pytest.fixture(scope="module")
def embedder(model_files: Mapping[str, Path]) -> Iterator[EmbeddedLlama]:
    """The small demo model, served for its embeddings."""
    file = ModelFile(path=model_files["demo-small"], alias="embedder", threads=1, embedding=True)
    with EmbeddedRuntime() as runtime:
        yield runtime.start(file)


def embeddings_of(llama: EmbeddedLlama) -> dict[str, Json]:
    """The server as a model of a pointsman.yaml."""
    capabilities: list[Json] = ["embeddings"]
    where = f"{llama.base_url}/v1"
    return {"name": "vectors", "model": "embedder", "base_url": where, "local": True, "capabilities": capabilities}


async def test_a_legacy_completion_whole_and_streamed(gateway: Gateway, shared_llamas: Llamas) -> None:
    """The text, the reason and the counts, from the model itself and the same either way."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        whole = await client.completions.create(model="demo-small", prompt="Hello", max_tokens=8, temperature=0)
        stream = await client.completions.create(
            model="demo-small", prompt="Hello", max_tokens=8, temperature=0, stream=True
        )
        pieces = [chunk.choices[0].text async for chunk in stream if chunk.choices]
    assert whole.object == "text_completion"
    assert whole.choices[0].finish_reason in {"stop", "length"}
    assert whole.usage is not None
    assert 0 < whole.usage.completion_tokens <= 8
    assert "".join(pieces) == whole.choices[0].text != ""


async def test_a_legacy_completion_can_be_routed(gateway: Gateway, shared_llamas: Llamas) -> None:
    """`auto` reads the prompt, wherever the API puts it."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        raw = await client.completions.with_raw_response.create(model="auto", prompt=HARD, max_tokens=4)
    assert raw.headers["x-pointsman-model"] == "demo-large"


async def test_embeddings_are_the_models_own_in_either_encoding(gateway: Gateway, embedder: EmbeddedLlama) -> None:
    """The client asks for base64 by default; the numbers are those the server itself gives."""
    texts = ["one", "two words", "three more words"]
    async with gateway({"models": [embeddings_of(embedder)]}) as base_url, client_of(base_url) as client:
        packed = await client.embeddings.create(model="vectors", input=texts)
        plain = await client.embeddings.create(model="vectors", input=texts, encoding_format="float")
        one = await client.embeddings.create(model="vectors", input="two words")
        async with httpx2.AsyncClient() as http:
            direct = (await http.post(f"{embedder.base_url}/v1/embeddings", json={"input": texts})).json()
    expected = [item["embedding"] for item in direct["data"]]
    for found in (packed, plain):
        assert [item.index for item in found.data] == [0, 1, 2]
        for item, vector in zip(found.data, expected, strict=True):
            assert item.embedding == pytest.approx(vector, abs=1e-6)
    assert one.data[0].embedding == pytest.approx(expected[1], abs=1e-5)
    assert packed.usage.prompt_tokens > 0


async def test_embeddings_find_their_model_by_themselves(
    gateway: Gateway, embedder: EmbeddedLlama, shared_llamas: Llamas
) -> None:
    """`auto` never sends them to a model that only chats; without one that embeds it is said."""
    models = [*models_of(shared_llamas), embeddings_of(embedder)]
    async with gateway({"models": models}) as base_url, client_of(base_url) as client:
        raw = await client.embeddings.with_raw_response.create(model="auto", input="hello")
    assert raw.headers["x-pointsman-model"] == "vectors"


async def test_many_streams_at_once_all_arrive_and_none_is_mixed_up(gateway: Gateway, shared_llamas: Llamas) -> None:
    """51 callers on six slots: each gets its own model's whole answer, and the ledger has a line for each."""
    prompts = [*OPENINGS] * (N_PARALLEL // len(OPENINGS))
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        alone = {prompt: await told(client, prompt) for prompt in OPENINGS}
        together = await asyncio.gather(*(told(client, prompt) for prompt in prompts))
        async with httpx2.AsyncClient() as http, asyncio.timeout(5):
            outcomes: list[str] = []
            while outcomes.count("ok") < N_PARALLEL + len(OPENINGS):
                rows = (await http.get(f"{base_url}/v1/decisions?limit=1000")).json()["data"]
                outcomes = [row["outcome"] for row in rows]
    for prompt, (text, reason) in zip(prompts, together, strict=True):
        assert (text, reason) == alone[prompt]
        assert text.startswith(OPENINGS[prompt])
    assert len(outcomes) == N_PARALLEL + len(OPENINGS)


async def told(client: openai.AsyncOpenAI, prompt: str) -> tuple[str, str | None]:
    """A streamed answer's text, and how it ended."""
    stream = await client.chat.completions.create(
        model="auto", messages=user(prompt), temperature=0, max_tokens=40, stream=True
    )
    choices = [chunk.choices[0] async for chunk in stream if chunk.choices]
    return "".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason
