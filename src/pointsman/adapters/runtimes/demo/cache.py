"""The three demo models as files: made on first use, kept in a folder, made again when the recipe's version changes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.runtimes.gguf_header import read_gguf_header
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError

RECIPE_VERSION = 1  # raise it with every change to what the files hold


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoModel:
    """One demo model on disk."""

    name: str
    path: Path
    tier: Tier
    context_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    voice: str
    tier: Tier
    context_tokens: int
    width: int
    layers: int
    feed_forward: int

    @property
    def name(self) -> str:
        return f"demo-{self.voice}"


_SIZES = (
    _Size(voice="small", tier=Tier.SIMPLE, context_tokens=2048, width=256, layers=1, feed_forward=128),
    _Size(voice="medium", tier=Tier.MEDIUM, context_tokens=4096, width=320, layers=3, feed_forward=256),
    _Size(voice="large", tier=Tier.COMPLEX, context_tokens=8192, width=384, layers=6, feed_forward=384),
)


def ensure_demo_models(cache_dir: Path, progress: Callable[[str], None]) -> tuple[DemoModel, ...]:
    """Small, medium and large, made where missing; *progress* gets a line for each that is made.

    Safe under several processes at once: a file appears whole or not at all, and all make the same bytes.
    ConfigError: the folder cannot be written.
    """
    return tuple(_ensure(size, cache_dir, progress) for size in _SIZES)


def _ensure(size: _Size, cache_dir: Path, progress: Callable[[str], None]) -> DemoModel:
    path = cache_dir / f"{size.name}-v{RECIPE_VERSION}.gguf"
    if not _is_whole(path):
        progress(f"making the demo model {size.name} (about a second, once)")
        _write(path, _make(size))
    return DemoModel(name=size.name, path=path, tier=size.tier, context_tokens=size.context_tokens)


def _is_whole(path: Path) -> bool:
    try:
        read_gguf_header(path)
    except ConfigError:
        return False
    return True


def _make(size: _Size) -> bytes:
    from pointsman.adapters.runtimes.demo.language import VOICES
    from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
    from pointsman.adapters.runtimes.demo.weights import Shape

    shape = Shape(width=size.width, layers=size.layers, feed_forward=size.feed_forward)
    recipe = DemoRecipe(name=size.name, voice=VOICES[size.voice], shape=shape, context_tokens=size.context_tokens)
    return make_model(recipe)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise ConfigError(
            f"The demo models cannot be kept in {path.parent}: {exc.strerror or exc}.",
            hint="Name a folder that can be written.",
        ) from exc
