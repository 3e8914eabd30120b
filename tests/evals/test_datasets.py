"""Files of outcomes: what is read, and what is said of a wrong line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json
from pointsman.evals.datasets import Row, read_outcomes, sample


def written(path: Path, *lines: object) -> Path:
    """A file of them."""
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_a_line_of_ones_own(tmp_path: Path) -> None:
    """Every field of the plain format; blank lines and a mark of byte order are no matter."""
    line = {"id": 1, "prompt": "2+2?", "source": "sums", "outcomes": {"a": 1}, "cost": {"a": 0.5}, "tier": "small"}
    messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": "2 + 2?"}]}]
    variant = {"id": "v", "messages": messages, "variant_of": "1"}
    file = written(tmp_path / "f.jsonl", "\ufeff" + json.dumps(line), "", variant)
    assert read_outcomes(file) == (
        Row(
            id="1",
            request={"prompt": "2+2?"},
            text="2+2?",
            source="sums",
            outcomes={"a": 1.0},
            cost={"a": 0.5},
            label=Tier.SIMPLE,
        ),
        Row(id="v", request={"messages": messages}, text="2 + 2?", variant_of="1"),
    )


def test_a_line_of_the_pool(tmp_path: Path) -> None:
    """Packed, with scores by model and by tier, tools by number, and fields that are not ours."""
    line = {
        "id": "p:1",
        "prompt": "x",
        "scores": {"a": 0.5},
        "tier_scores": {"small": 0.25, "frontier": 1.0},
        "cost_usd": {"a": 1e-5},
        "labels": {"tier": "COMPLEX"},
        "tools": "[{...",
        "n_tools": 3,
        "licence": "MIT",
    }
    file = tmp_path / "pool.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(line).encode()))
    (row,) = read_outcomes(file)
    assert row == Row(
        id="p:1",
        request={"prompt": "x", "n_tools": 3},
        text="x",
        outcomes={"a": 0.5},
        tiers={"small": 0.25, "frontier": 1.0},
        cost={"a": 1e-5},
        label=Tier.COMPLEX,
    )


GOOD = {"id": "1", "prompt": "x", "outcomes": {"a": 1}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{"], "f.jsonl:1: This is no JSON"),
        (["[1]"], "f.jsonl:1: The line should hold a JSON object."),
        (["[" * 100_000], "f.jsonl:1: This is no JSON"),
        ([GOOD, GOOD], "f.jsonl:2: The id '1' is that of line 1 already."),
        ([GOOD | {"id": True}], "f.jsonl:1: id should be a text or a whole number; it is True."),
        ([GOOD | {"id": None}], "id should be a text or a whole number; it is None."),
        ([GOOD | {"prompt": None}], "The line needs `prompt` (a text) or `messages` (a list)."),
        ([GOOD | {"prompt": None, "messages": ["hi"]}], "messages should be objects with `role` and `content`"),
        ([GOOD | {"prompt": None, "messages": [{"content": 3}]}], "one is {'content': 3}."),
        ([GOOD | {"outcomes": {"a": 1.5}}], "outcomes.a should be a number from 0 to 1; it is 1.5."),
        ([GOOD | {"outcomes": {"a": True}}], "outcomes.a should be a number from 0 to 1; it is True."),
        ([GOOD | {"outcomes": [1]}], "outcomes should be an object of models and numbers; it is [1]."),
        (['{"id": 1, "prompt": "x", "scores": {"a": NaN}}'], "scores.a should be a number from 0 to 1; it is nan."),
        ([GOOD | {"cost": {"a": -1}}], "cost.a should be a number of dollars, 0 or more; it is -1."),
        (['{"id": 1, "prompt": "x", "cost": {"a": 1e999}}'], "cost.a should be a number of dollars, 0 or more"),
        ([GOOD | {"cost": {"a": 10**400}}], "cost.a should be a number of dollars, 0 or more"),
        ([GOOD | {"tier_scores": {"huge": 1}}], "tier_scores.huge should be one of small, medium, large, frontier."),
        ([GOOD | {"tier": "huge"}], "tier should be simple, medium, complex or reasoning; it is 'huge'."),
        ([GOOD | {"source": 3}], "source should be a text; it is 3."),
        ([GOOD | {"outcomes": {}}], "The line needs `outcomes`"),
        ([GOOD | {"variant_of": "2"}], "f.jsonl:1: variant_of names '2', which no line has for its id."),
        ([""], "f.jsonl: There is no line in it."),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path: Path, lines: list[object], message: str) -> None:
    """File, line, field and value, and nothing is guessed."""
    with pytest.raises(InvalidRequest) as caught:
        read_outcomes(written(tmp_path / "f.jsonl", *lines))
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Absent, or broken in its packing."""
    with pytest.raises(InvalidRequest, match="No such file"):
        read_outcomes(tmp_path / "none.jsonl")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(json.dumps(GOOD).encode())[:-9])
    with pytest.raises(InvalidRequest, match=r"cut.gz: cannot be read \("):
        read_outcomes(tmp_path / "cut.gz")


def test_a_sample_keeps_each_sources_share() -> None:
    """The same for the same seed, in the file's order, and with the variants of what it took."""
    originals = [
        Row(id=f"{source}{at}", request={}, text="", source=source)
        for source, many in (("a", 30), ("b", 10))
        for at in range(many)
    ]
    rows = tuple(originals) + tuple(Row(id=f"v{row.id}", request={}, text="", variant_of=row.id) for row in originals)
    taken = sample(rows, 8, 1)
    assert [row.source for row in taken if row.variant_of is None] == ["a"] * 6 + ["b"] * 2
    assert [row.variant_of for row in taken[8:]] == [row.id for row in taken[:8]]
    assert taken == sample(rows, 8, 1) != sample(rows, 8, 2)
    assert sample(rows, 40, 1) == rows
