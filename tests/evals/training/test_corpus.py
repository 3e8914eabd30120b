"""Lines of prompts become examples; what is wrong is named, and what may not be given away is left out."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from pointsman.core.errors import InvalidRequest
from pointsman.evals.training.corpus import Example, read_examples

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, *lines: object, name: str = "data.jsonl") -> Path:
    """A file of these lines."""
    path = folder / name
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def test_a_line_of_outcomes(tmp_path: Path) -> None:
    """How many failed, and what stronger models gain."""
    line = {
        "prompt": "2+2?",
        "source": "sums",
        "scores": {"a": 1, "b": 0},
        "tier_scores": {"small": 0.25, "large": 0.75, "frontier": 1.0},
        "n_tools": 2,
    }
    found, left_out = read_examples([written(tmp_path, line, "")])
    assert found == [
        Example(prompt="2+2?", tools=2, source="sums", failure=0.5, gain=0.75, steps=(0.25, None, 0.75, 1.0))
    ]
    assert left_out == {}


def test_a_line_of_labels_in_a_packed_file(tmp_path: Path) -> None:
    """Names of kinds that others use are ours afterwards."""
    line = {"prompt": "hi", "labels": {"tier": "SIMPLE", "task_type": "greeting"}, "gap": 3, "output_tokens": 9}
    path = tmp_path / "labels.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(line).encode()))
    assert read_examples([path])[0] == [Example(prompt="hi", tier=0, kind="questions", gap=3.0, output_tokens=9.0)]


def test_sets_within_a_source_are_apart_where_it_has_several(tmp_path: Path) -> None:
    """Outcomes of trivia and of sums are not comparable."""
    line = {"prompt": "x", "source": "llmrouter", "category": "gsm8k", "group": 7}
    (found,), _ = read_examples([written(tmp_path, line)])
    assert (found.source, found.group, found.topic) == ("llmrouter/gsm8k", "7", "words")


def test_a_topic_may_be_named(tmp_path: Path) -> None:
    """It has a scale of difficulty of its own."""
    (found,), _ = read_examples([written(tmp_path, {"prompt": "print(1)", "topic": "trace", "difficulty": 20})])
    assert found == Example(prompt="print(1)", topic="trace", difficulty=20.0)


def test_what_may_not_be_given_away_is_left_out_and_counted(tmp_path: Path) -> None:
    """By the words of its licence."""
    path = written(tmp_path, {"prompt": "a", "licence": "CC-BY-NC-4.0"}, {"prompt": "b", "licence": "MIT"})
    found, left_out = read_examples([path])
    assert [one.prompt for one in found] == ["b"]
    assert left_out == {"CC-BY-NC-4.0": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "This is no JSON"),
        ({"text": "x"}, "a text `prompt`"),
        ({"prompt": "x", "tier": "huge"}, "tier 'huge' is none"),
        ({"prompt": "x", "topic": "love"}, "topic 'love' is none; there are words, trace"),
        ({"prompt": "x", "difficulty": 101}, "difficulty should be a number from 0 to 100; it is 101"),
        ({"prompt": "x", "difficulty": True}, "difficulty should be a number"),
        ({"prompt": "x", "scores": [1]}, "scores should be an object"),
        ({"prompt": "x", "scores": {"a": 2}}, "scores.a should be a number from 0 to 1"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: object, message: str) -> None:
    """With its number."""
    with pytest.raises(InvalidRequest, match=message) as caught:
        read_examples([written(tmp_path, {"prompt": "fine"}, line)])
    assert "data.jsonl:2" in caught.value.message


def test_files_without_an_example(tmp_path: Path) -> None:
    """Missing, empty."""
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_examples([tmp_path / "none.jsonl"])
    (tmp_path / "own.jsonl").write_text('{"prompt": "fine"}\n')
    with pytest.raises(InvalidRequest, match=r"empty\.jsonl: There is no example in it"):
        read_examples([tmp_path / "own.jsonl", written(tmp_path, "").rename(tmp_path / "empty.jsonl")])
