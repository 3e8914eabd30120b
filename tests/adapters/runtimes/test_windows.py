"""What a downloaded model is loaded with: what it was made for, as far as this machine's memory goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.gguf_header import read_gguf_header, read_gguf_keys
from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.inventory import downloaded, usual_window
from pointsman.local.known_models import KNOWN
from tests.local import sparse

GB = 1_000_000_000
QWEN = KNOWN["qwen2.5-7b"]


@pytest.mark.parametrize(
    ("made_for", "room_gb", "window"),
    [
        (2_048, 12, 2_048),
        (32_768, 12, 32_768),
        (131_072, 12, 32_768),
        (32_768, 6, 12_032),
        (32_768, 2, 8_192),
        (32_768, None, 8_192),
        (2_048, None, 2_048),
    ],
)
def test_the_window_is_what_the_file_was_made_for(
    tmp_path: Path, made_for: int, room_gb: int | None, window: int
) -> None:
    """32,768 at most, less where its half of the device ends, and 8,192 at least or all that it was made for."""
    path = tmp_path / "model.gguf"
    size = sparse.write(replace(QWEN, context_tokens=made_for), "Q4_K_M", path)
    assert usual_window(path, size, room_gb * GB if room_gb is not None else None) == window


def test_the_keys_before_the_vocabulary_are_the_headers(tmp_path: Path) -> None:
    """The same values, without what comes after; a file that is none has none."""
    path = tmp_path / "model.gguf"
    sparse.write(QWEN, "Q4_K_M", path)
    keys = read_gguf_keys(path)
    whole = read_gguf_header(path).metadata
    assert keys == {name: value for name, value in whole.items() if not name.startswith("tokenizer.")}
    assert keys["qwen2.context_length"] == QWEN.context_tokens
    path.write_bytes(b"GGUF")
    assert read_gguf_keys(path) == {}
    assert read_gguf_keys(tmp_path / "none.gguf") == {}
    assert usual_window(path, 4, None) == 8_192


def test_downloaded_models_are_found_with_their_windows(tmp_path: Path) -> None:
    """In the configured folder."""
    sparse.write(replace(QWEN, context_tokens=4_096), "Q4_K_M", tmp_path / "small-window.gguf")
    loaded = loaded_from(Settings.model_validate({"local": {"models_dir": str(tmp_path)}}))
    assert {name: (Path(file.path).name, file.context_tokens) for name, file in downloaded(loaded).items()} == {
        "small-window": ("small-window.gguf", 4_096)
    }
    empty = loaded_from(Settings.model_validate({"local": {"models_dir": str(tmp_path / "none")}}))
    assert downloaded(empty) == {}
