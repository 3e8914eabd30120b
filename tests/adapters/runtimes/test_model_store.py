"""The folder of downloaded models."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.adapters.runtimes.model_store import ModelStore, Pulled, require_name
from pointsman.core.errors import ConfigError


def admitted(store: ModelStore, name: str = "tiny", data: bytes = b"GGUF") -> Pulled:
    """A model that *store* has taken in."""
    part = store.part_of(name, "ab" * 32)
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(data)
    model = Pulled(
        name=name,
        path=store.path_of(name),
        size_bytes=len(data),
        source="makers/Tiny-GGUF/tiny-Q4_K_M.gguf",
        revision="c0ffee",
        sha256="ab" * 32,
        licence="apache-2.0",
    )
    return store.admit(model, part)


def test_what_was_admitted_is_found_with_its_note(tmp_path: Path) -> None:
    """By name, and in the list."""
    store = ModelStore(folder=tmp_path / "models")
    model = admitted(store)
    assert store.find("tiny") == model
    assert store.models() == [model]


def test_a_file_that_was_put_there_by_hand_counts(tmp_path: Path) -> None:
    """Without a note nothing is known of it but its size; a broken note is none."""
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    (tmp_path / "mine.json").write_text("[")
    found = ModelStore(folder=tmp_path).models()
    assert found == [Pulled(name="mine", path=tmp_path / "mine.gguf", size_bytes=4)]


def test_an_empty_store_is_no_error(tmp_path: Path) -> None:
    """The folder need not be there."""
    store = ModelStore(folder=tmp_path / "none")
    assert (store.models(), store.find("tiny"), store.remove("tiny")) == ([], None, 0)


def test_removing_takes_the_parts_of_downloads_along(tmp_path: Path) -> None:
    """And says how many bytes that frees."""
    store = ModelStore(folder=tmp_path)
    admitted(store)
    store.part_of("tiny", "cd" * 32).write_bytes(bytes(100))
    assert store.remove("tiny") > 104
    assert list(tmp_path.iterdir()) == []


def test_a_licence_is_accepted_once(tmp_path: Path) -> None:
    """And for all models that are under it."""
    store = ModelStore(folder=tmp_path / "models")
    assert not store.has_accepted("gemma")
    store.accept("gemma")
    store.accept("mit")
    assert ModelStore(folder=tmp_path / "models").has_accepted("gemma")


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "-x", "A", "x" * 101])
def test_a_name_cannot_leave_the_folder(name: str, tmp_path: Path) -> None:
    """Neither where it is given, nor where it is looked for."""
    with pytest.raises(ConfigError):
        require_name(name)
    assert ModelStore(folder=tmp_path).find(name) is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        ModelStore(folder=tmp_path / "file").accept("mit")
