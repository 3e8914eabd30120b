"""The whole recipe on a small world: what it makes can be dumped, loaded, and tells its tiers apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.decision import PromptFeatures
from pointsman.core.errors import InvalidRequest
from pointsman.evals.training.corpus import Example
from pointsman.evals.training.recipe import train
from pointsman.evals.training.vectors import Encoder
from pointsman.routing.learned.scorer import Scorer
from pointsman.routing.learned.weights import dumped, loaded
from tests.evals.training.tiny_encoder import WORDS, write_encoder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    """A small encoder, read from its files."""
    write_encoder(tmp_path)
    return Encoder.read(tmp_path)


def world() -> list[Example]:
    """Two moulds, one easy and one hard, with outcomes of a second source."""
    easy = [Example(prompt=f"what is a city {n}", tier=0, kind="questions", output_tokens=8.0) for n in range(40)]
    hard = [
        Example(prompt=f"prove theorem {n} of a system", tier=3, difficulty=95, gap=80, kind="reasoning")
        for n in range(40)
    ]
    middle = [
        Example(prompt=f"design a system {n}", tier=1 + n % 2, kind="design", output_tokens=900.0) for n in range(40)
    ]
    asked = [
        Example(
            prompt=f"{'prove' if n % 2 else 'what is'} it {n}", source="exam", failure=n % 2 * 0.8, gain=n % 2 * 0.5
        )
        for n in range(120)
    ]
    return [*easy, *hard, *middle, *asked]


def test_a_small_world(encoder: Encoder) -> None:
    """It learns who is easy and who is hard, of which kind, and how long; and tells how far it is."""
    told: list[tuple[str, int, int]] = []
    kinds = ("questions", "reasoning", "design")
    found = train(world(), kinds, encoder, {"data": "a test"}, lambda *one: told.append(one))
    weights = loaded(dumped(found.weights), "memory")
    scorer = Scorer(weights=weights)
    easy, hard = (
        scorer.judge(PromptFeatures(ask=ask, estimated_input_tokens=9)) for ask in ("what is a city", "prove theorem 7")
    )
    assert (easy.tier, hard.tier) == (Tier.SIMPLE, Tier.REASONING)
    assert (easy.assessment.kind, hard.assessment.kind) == ("questions", "reasoning")
    assert easy.score < hard.score
    assert easy.assessment.output_tokens < 100
    assert json.loads(weights.about)["data"] == "a test"
    assert {stage for stage, done, total in told if done == total} == {"word vectors", "features", "heads"}


def test_the_same_data_make_the_same_file(encoder: Encoder) -> None:
    """Nothing is left to chance."""
    first, second = (train(world(), ("questions",), encoder, {}, lambda *_: None) for _ in range(2))
    assert dumped(first.weights) == dumped(second.weights)


def test_words_are_made_of_pieces(encoder: Encoder) -> None:
    """The longest first; a word that cannot be made of them has none."""
    assert encoder.split("systems") == [encoder.pieces["system"], encoder.pieces["##s"]]
    assert encoder.split("xyz") == []
    assert encoder.words() == list(WORDS)


def test_a_folder_without_an_encoder(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(InvalidRequest, match=r"model\.safetensors cannot be read"):
        Encoder.read(tmp_path)
