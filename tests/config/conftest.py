"""A configuration file in a folder of its own, read with an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from pointsman.config import Loaded, load
from pointsman.core.errors import ConfigError
from pointsman.core.jsontypes import Json

DATA = Path(__file__).parent / "data"


class LoadText(Protocol):
    """Writes a file and loads it."""

    def __call__(
        self,
        text: str | bytes,
        environ: Mapping[str, str] = ...,
        *,
        name: str = ...,
        flags: Mapping[str, Json] = ...,
    ) -> Loaded: ...


class Refusal(Protocol):
    """Writes a file that is refused and gives the message."""

    def __call__(self, text: str | bytes, environ: Mapping[str, str] = ..., *, name: str = ...) -> str: ...


@pytest.fixture
def load_text(tmp_path: Path) -> LoadText:
    """Loading of a text as a file of this name, in an empty folder."""

    def load_it(
        text: str | bytes,
        environ: Mapping[str, str] | None = None,
        *,
        name: str = "pointsman.yaml",
        flags: Mapping[str, Json] | None = None,
    ) -> Loaded:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(config=Path(name), environ=environ or {}, cwd=tmp_path, flags=flags or {})

    return load_it


@pytest.fixture
def refusal(load_text: LoadText) -> Refusal:
    """The message with which a text is refused."""

    def refuse(text: str | bytes, environ: Mapping[str, str] | None = None, *, name: str = "pointsman.yaml") -> str:
        with pytest.raises(ConfigError) as caught:
            load_text(text, environ or {}, name=name)
        return str(caught.value)

    return refuse


@pytest.fixture
def guide() -> str:
    """The guide's LiteLLM file."""
    return (DATA / "guide.yaml").read_text()
