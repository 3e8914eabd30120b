"""The settings about models on this machine: how much memory there is, and how it is shared out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from pointsman.config.field_types import Name, Seconds, Section
from pointsman.core.units import parse_bytes


def _size(value: object) -> int:
    found = parse_bytes(str(value)) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    if found is None:
        raise ValueError(f"should be a size such as 24GiB, 24GB or 512MiB, not {value!r}")
    return found


def _budget(value: object) -> int | str:
    return "auto" if value == "auto" else _size(value)


def _reserve(value: object) -> int:
    return 0 if str(value).strip() == "0" else _size(value)


Bytes = Annotated[int, PlainValidator(_size), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})]
Reserve = Annotated[int, PlainValidator(_reserve), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})]
Budget = Annotated[
    int | Literal["auto"], PlainValidator(_budget), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})
]


class LitertSettings(Section):
    """A `.litertlm` file that LiteRT-LM serves as a child of the gateway (`pointsman[litert]`), with Gemini's API."""

    path: Name = Field(description="The file.")
    model: Name = Field(default="gemma3-1b-gpu-custom", description="What its server calls it.")
    port: int = Field(ge=1, le=65535, description="The port of its server, on 127.0.0.1.")


class LocalSettings(Section):
    """Models on this machine. With `vram` given, which of them are in memory is decided here."""

    vram: Budget | None = Field(
        default=None,
        description="Memory for models, such as 24GiB, or `auto` for this device's own. Not given: the runtimes decide "
        "by themselves what they hold.",
    )
    reserve: Reserve = Field(default=1 << 30, description="Memory of that to keep free, in bytes or as 1GiB.")
    bypass_s: Seconds = Field(
        default=30.0, description="Seconds a request may be passed by others whose model is in memory."
    )
    residency: Annotated[float, Field(ge=0, le=100)] = Field(
        default=2.0, description="How many times its load time a model stays in memory at least."
    )
    models_dir: str | None = Field(
        default=None, description="Folder of downloaded models; in the user's data folder if not given."
    )
    litert: LitertSettings | None = Field(
        default=None,
        description="A LiteRT-LM model to serve; `pointsman local setup --runtime litert` writes it, with the entry of "
        "`models` that asks it.",
    )
