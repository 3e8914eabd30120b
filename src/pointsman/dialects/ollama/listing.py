"""Ollama's lists of models as its clients read them: tags, ps, show, version, and a pull of what is there already."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pointsman.dialects.ollama.surface_reply import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pointsman.core.jsontypes import Json, JsonObject

VERSION: Final = "0.13.5"  # Codex wants 0.13 or later
FOREVER: Final = "2318-01-01T00:00:00Z"
_ARCHITECTURE = "pointsman"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One name a caller may send, and what is known about what stands behind it."""

    name: str
    parameter_size: str = ""  # such as "7.6B"
    quantization: str = ""
    size_bytes: int = 0
    vram_bytes: int = 0
    context_tokens: int | None = None
    capabilities: tuple[str, ...] = ("completion",)
    modified_s: float = 0.0


def version() -> JsonObject:
    """GET /api/version."""
    return {"version": VERSION}


def tags(models: Iterable[Listed]) -> JsonObject:
    """GET /api/tags."""
    return {"models": [_row(model) for model in models]}


def ps(models: Iterable[Listed]) -> JsonObject:
    """GET /api/ps: what is ready to answer."""
    rows: list[Json] = []
    for model in models:
        row = _row(model)
        del row["modified_at"]
        more: JsonObject = {"expires_at": FOREVER, "size_vram": model.vram_bytes}
        if model.context_tokens is not None:
            more["context_length"] = model.context_tokens
        rows.append({**row, **more})
    return {"models": rows}


def show(model: Listed) -> JsonObject:
    """POST /api/show."""
    info: JsonObject = {"general.architecture": _ARCHITECTURE}
    if model.context_tokens is not None:
        info[f"{_ARCHITECTURE}.context_length"] = model.context_tokens
    return {
        "modelfile": f"FROM {model.name}\n",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": _details(model),
        "model_info": info,
        "capabilities": list(model.capabilities),
        "modified_at": moment(model.modified_s),
    }


def pulled() -> JsonObject:
    """The last line of POST /api/pull: what was asked for is here."""
    return {"status": "success"}


def _row(model: Listed) -> JsonObject:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": moment(model.modified_s),
        "size": model.size_bytes,
        "digest": hashlib.sha256(model.name.encode()).hexdigest(),
        "details": _details(model),
    }


def _details(model: Listed) -> JsonObject:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": _ARCHITECTURE,
        "families": [_ARCHITECTURE],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }
