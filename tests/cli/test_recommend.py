"""`pointsman models recommend`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.pseudo_terminal import Terminal


def test_one_kind_of_task_with_all_its_models(run: Run) -> None:
    """What each takes with the task's context, and whether that fits."""
    done = run("models", "recommend", "--vram", "24GiB", "--task", "coding")
    assert done.out == (
        "A function, a test, a small script (medium), 16,384 tokens of context\n"
        "MODEL              QUANT   TAKES GB                CONTEXT UP TO  LICENCE\n"
        "qwen2.5-coder-32b  Q4_K_M      24.8  does not fit         15,872  apache-2.0\n"
        "qwen2.5-coder-14b  Q4_K_M      12.8  fits                 32,768  apache-2.0\n"
        "qwen2.5-coder-7b   Q4_K_M       6.2  fits                 32,768  apache-2.0\n"
        "in the cloud: claude-sonnet-4-6\n"
    )
    assert (done.err, done.code) == ("25.8 GB of memory (given), 1.1 GB kept free\n", 0)


def test_a_task_for_the_cloud_says_so(run: Run) -> None:
    """No local model is made up for it."""
    done = run("models", "recommend", "--vram", "8GiB", "--task", "research")
    assert done.out == (
        "Reports from many sources (reasoning), 131,072 tokens of context\n"
        "No local model is named for it: this is where a cloud model is worth its price.\n"
        "in the cloud: gemini-2.5-pro\n"
    )


def test_the_sheet_for_a_device(run: Run) -> None:
    """A line for each kind; what does not fit gives way to a smaller model."""
    lines = run("models", "recommend", "--vram", "6GiB").out.splitlines()
    assert lines[0] == "TASK            TIER       LOCAL                      TAKES GB  CONTEXT  CLOUD"
    assert "questions       simple     llama3.2-3b                     3.0       4K  gpt-5-mini" in lines
    assert "reasoning       reasoning  –                                 –        –  gemini-2.5-pro" in lines
    assert len(lines) == 23


def test_a_configuration_changes_the_sheet(run: Run, folder: Path) -> None:
    """And the change is marked."""
    text = "tasks:\n  coding: {local: qwen2.5-7b}\n  poems: {tier: complex, local: [qwen2.5-14b]}\n"
    (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
    done = run("models", "recommend", "--vram", "24GiB")
    assert "coding *        medium     qwen2.5-7b " in done.out
    assert done.out.splitlines()[-1].startswith("poems *         complex    qwen2.5-14b ")
    assert "* as your configuration has it" in done.err


def test_as_json(run: Run) -> None:
    """Every figure in bytes and tokens."""
    found = json.loads(run("models", "recommend", "--vram", "24GiB", "--task", "embeddings", "--json").out)
    assert found["budget_bytes"] == 23 << 30
    (task,) = found["tasks"]
    assert task["pick"] == "qwen3-embedding-0.6b:Q8_0"
    (pick,) = task["local"]
    assert {key: pick[key] for key in ("model", "fits", "licence", "hub", "ollama")} == {
        "model": "qwen3-embedding-0.6b",
        "fits": True,
        "licence": "apache-2.0",
        "hub": "Qwen/Qwen3-Embedding-0.6B-GGUF",
        "ollama": "qwen3-embedding:0.6b",
    }


def test_an_unknown_kind_is_a_usage_error(run: Run) -> None:
    """With the nearest names."""
    done = run("models", "recommend", "--vram", "8GiB", "--task", "codin")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: no kind of task is called 'codin'; did you mean coding or design?\n")


@pytest.mark.e2e
def test_a_narrow_terminal_gets_lines_in_place_of_a_table(folder: Path, environ: Mapping[str, str]) -> None:
    """A table of six columns in forty would be letters below each other."""
    with Terminal(folder, environ, "models", "recommend", "--vram", "24GiB", columns=40) as terminal:
        code, said = terminal.end()
    assert code == 0
    assert "coding (medium)\r\n  qwen2.5-coder-14b, 12.8 GB\r\n  claude-sonnet-4-6\r\n" in said
    assert max(map(len, said.splitlines())) <= 40
    with Terminal(folder, environ, "models", "recommend", "--vram", "8GiB", "--task", "coding", columns=40) as terminal:
        assert "qwen2.5-coder-7b: 6.2 GB, fits\r\n" in terminal.end()[1]
