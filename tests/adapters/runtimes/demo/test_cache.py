"""Demo model files: made once, whole or not at all."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.demo.cache import RECIPE_VERSION, DemoModel, ensure_demo_models
from pointsman.adapters.runtimes.gguf_header import read_gguf_header
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError

MAKE = """
import sys
from pathlib import Path
from pointsman.adapters.runtimes.demo.cache import ensure_demo_models
ensure_demo_models(Path(sys.argv[1]), lambda line: None)
"""


def digests(folder: Path) -> dict[str, str]:
    """Each file's content, in short."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_three_models_of_growing_size_and_window(tmp_path: Path) -> None:
    """Names, tiers and windows are what listings show; the header says the same, and that it is a demo."""
    lines: list[str] = []
    models = ensure_demo_models(tmp_path, lines.append)

    assert models == tuple(
        DemoModel(
            name=f"demo-{size}",
            path=tmp_path / f"demo-{size}-v{RECIPE_VERSION}.gguf",
            tier=tier,
            context_tokens=tokens,
        )
        for size, tier, tokens in [
            ("small", Tier.SIMPLE, 2048),
            ("medium", Tier.MEDIUM, 4096),
            ("large", Tier.COMPLEX, 8192),
        ]
    )
    assert [line.split(" (")[0] for line in lines] == [f"making the demo model {model.name}" for model in models]
    headers = [read_gguf_header(model.path) for model in models]
    assert [header.metadata["general.name"] for header in headers] == [f"Pointsman {model.name}" for model in models]
    assert [header.metadata["llama.context_length"] for header in headers] == [2048, 4096, 8192]
    assert [header.metadata["llama.block_count"] for header in headers] == [1, 3, 6]


def test_a_second_start_makes_nothing(tmp_path: Path) -> None:
    """The files are kept; only one that is missing or cut short is made again, with the same bytes."""
    small, *_ = ensure_demo_models(tmp_path, lambda line: None)
    before = digests(tmp_path)
    lines: list[str] = []
    ensure_demo_models(tmp_path, lines.append)
    assert lines == []

    small.path.write_bytes(small.path.read_bytes()[:100_000])
    ensure_demo_models(tmp_path, lines.append)
    assert len(lines) == 1
    assert digests(tmp_path) == before


def test_two_processes_at_once_make_the_same_files(tmp_path: Path) -> None:
    """Nobody sees half a file, and nothing temporary is left."""
    processes = [subprocess.Popen([sys.executable, "-c", MAKE, str(tmp_path / "both")]) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    ensure_demo_models(tmp_path / "alone", lambda line: None)
    assert digests(tmp_path / "both") == digests(tmp_path / "alone")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error says which folder, and what to do."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ConfigError, match=r"cannot be kept in .*file: .*Name a folder that can be written\."):
        ensure_demo_models(blocked, lambda line: None)
