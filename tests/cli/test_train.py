"""`pointsman train`: weights from files of prompts, and routing by them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.evals.training.tiny_encoder import write_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

TRAIN = ("train", "--only", "--data", "d.jsonl", "--encoder", "encoder")


@pytest.fixture
def data(folder: Path) -> Path:
    """Easy and hard prompts, and an encoder beside them."""
    (folder / "encoder").mkdir()
    write_encoder(folder / "encoder")
    easy = [{"prompt": f"what is a city {n}", "tier": "simple", "kind": "questions"} for n in range(30)]
    hard = [{"prompt": f"prove theorem {n}", "tier": "reasoning", "kind": "reasoning"} for n in range(30)]
    left = [{"prompt": "secret", "tier": "simple", "licence": "CC-BY-NC-4.0"}]
    path = folder / "d.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in easy + hard + left), "utf-8")
    return path


def test_weights_are_made_told_and_used(run: Run, folder: Path, data: Path) -> None:
    """What may not be given away is counted; the configuration names the file."""
    done = run(*TRAIN, "--out", "w.npz", "--json")
    told = json.loads(done.out)
    assert (done.code, told["file"], told["left_out"]) == (0, "w.npz", {"CC-BY-NC-4.0": 1})
    assert told["tiers"]["own"] == {"prompts": 60, "exact": 1.0, "two_too_low": 0.0}
    (folder / "pointsman.yaml").write_text(
        "routing: {weights: w.npz, unsure: {then: best-guess}}\nmodels:\n"
        "  - {name: s, model: s, base_url: 'http://127.0.0.1:9/v1', local: true, tier: simple}\n"
        "  - {name: r, model: r, base_url: 'http://127.0.0.1:9/v1', local: true, tier: reasoning}\n"
    )
    chosen = [json.loads(run("route", ask, "--json").out)["model"] for ask in ("what is a city", "prove theorem 3")]
    assert chosen == ["s", "r"]


def test_a_person_is_told_how_to_use_them(run: Run, data: Path) -> None:
    """On stderr: there is nothing for a pipe."""
    done = run(*TRAIN)
    assert done.code == 0
    assert "own: 60 prompts, by folds 100% in their tier" in done.err
    assert "To use it: routing: {weights: classifier.npz}" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("train", "--only"), 2, "--only leaves nothing to learn from"),
        ((*TRAIN, "--out", "nowhere/w.npz"), 2, "nowhere/w.npz: cannot be written (there is no folder "),
        ((*TRAIN, "--out", "encoder"), 2, "encoder: cannot be written (it is a folder)"),
        ((*TRAIN, "--leave-out", "arc"), 2, "--leave-out: no line is from 'arc'.\nhint: There are own."),
        (("train", "--data", "none.jsonl"), 2, "none.jsonl: cannot be read"),
        ((*TRAIN, "--leave-out", "own"), 2, "No line without own has a tier"),
        ((*TRAIN[:-1], "nowhere"), 2, "nowhere holds no encoder"),
        ((*TRAIN, "--out", "no/such/folder.npz"), 2, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said(run: Run, data: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    """Which value, and no traceback."""
    done = run(*arguments)
    assert message in done.err
    assert (done.code, "Traceback" in done.err) == (code, False)


def test_weights_that_are_none(run: Run, folder: Path) -> None:
    """The configuration's error names the file."""
    (folder / "pointsman.yaml").write_text(
        "routing: {weights: w.npz}\nmodels:\n"
        "  - {name: s, model: s, base_url: 'http://127.0.0.1:9/v1', local: true, tier: simple}\n"
    )
    missing = run("route", "hi")
    (folder / "w.npz").write_bytes(b"no zip")
    wrong = run("route", "hi")
    assert (missing.code, wrong.code) == (3, 3)
    assert missing.err == "error: pointsman.yaml:1: routing.weights: there is no file 'w.npz'.\n"
    assert "w.npz holds no weights of a classifier" in wrong.err
