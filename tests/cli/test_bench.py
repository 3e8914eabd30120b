"""`pointsman models bench`, with a tiny model in a real llama.cpp."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from tests.cli.conftest import Run

pytestmark = pytest.mark.e2e
CONFIG = """\
models:
  - {name: tiny, gguf: tiny.gguf}
  - {name: down, model: x, base_url: "http://127.0.0.1:9/v1", local: true}
  - {name: cloud, model: openai/gpt-5, api_key: sk-made-up}
fallbacks: {down: [tiny]}
"""


@pytest.fixture
def models(folder: Path) -> None:
    """A configuration of a tiny model, one whose server is down, and one in the cloud."""
    shape = Shape(width=256, layers=1, feed_forward=128)
    recipe = DemoRecipe(name="tiny", voice=VOICES["small"], shape=shape, context_tokens=2048)
    (folder / "tiny.gguf").write_bytes(make_model(recipe))
    (folder / "pointsman.yaml").write_text(CONFIG, encoding="utf-8")


def test_a_model_is_measured(process: Run, models: None) -> None:
    """Each figure is there and above nothing, and nothing goes into the ledger."""
    done = process("models", "bench", "tiny", "--prompt", "100", "--tokens", "8", "--runs", "2", "--json")
    found = json.loads(done.out)
    assert (found.pop("model"), found.pop("runs")) == ("tiny", 2)
    assert sorted(found) == [
        "first_request_s",
        "first_token_s",
        "input_tokens",
        "load_s",
        "read_tokens_per_s",
        "written_tokens_per_s",
    ]
    assert all(value > 0 for value in found.values())
    assert process("logs", "--json").out == ""


def test_the_figures_as_a_table(process: Run, models: None) -> None:
    """For people."""
    header, row = process("models", "bench", "tiny", "--prompt", "50", "--tokens", "8", "--runs", "1").out.splitlines()
    assert header.split() == ["MODEL", "FIRST", "TOKEN", "READS", "WRITES", "FIRST", "REQUEST", "LOAD"]
    assert (row.split()[0], row.count("tok/s")) == ("tiny", 2)


def test_nobody_answers_in_its_place(process: Run, models: None) -> None:
    """A fallback would be measured instead; a cloud model costs money."""
    done = process("models", "bench", "down", "--runs", "1")
    assert (done.code, done.out) == (4, "")
    assert "error: No model answered (down: " in done.err
    assert process("models", "bench", "cloud").code == 2
