"""What commands start from: the configuration in force, models found on this machine, the demo."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.config.load import Loaded
    from pointsman.core.jsontypes import Json

HOW_TO_ADD = (
    "For a real one start Ollama and `ollama pull qwen2.5:3b`; or set a key such as OPENAI_API_KEY;",
    "or name a GGUF file in pointsman.yaml (`pointsman config init` writes one to start from).",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A configuration whose models are known, and where they come from."""

    loaded: Loaded
    found: tuple[str, ...] = ()  # what discovery has to say, when nothing was configured
    is_demo: bool = False

    @property
    def has_models(self) -> bool:
        """Whether there is anybody to ask."""
        return bool(self.loaded.catalog.models)


def configuration(config: str | None, flags: Mapping[str, Json] | None = None) -> Loaded:
    """The configuration in force, *flags* (by dotted path) over everything else."""
    from pointsman.bootstrap import load_config

    return load_config(config, flags or {})


def ready(config: str | None, flags: Mapping[str, Json] | None = None, *, demo: bool = False) -> Ready:
    """The configuration with its models; when it names none, those of servers on this machine and of keys.

    *demo* puts the three built-in models in their place.
    """
    loaded = configuration(config, flags)
    if demo:
        return demonstration(loaded)
    if loaded.catalog.models:
        return Ready(loaded=loaded)
    from pointsman.bootstrap import discovered

    with_found, discovery = asyncio.run(discovered(loaded))
    return Ready(loaded=with_found, found=discovery.lines)


def demonstration(loaded: Loaded) -> Ready:
    """*loaded* with the built-in demonstration models; RuntimeUnavailable when `pointsman[local]` is missing."""
    from pointsman.bootstrap import with_demo

    return Ready(loaded=with_demo(loaded, say), is_demo=True)


def can_embed() -> bool:
    """Whether the built-in llama.cpp is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


def tell_warnings(loaded: Loaded) -> None:
    """Each of the configuration's warnings, on stderr."""
    for warning in loaded.warnings:
        say(f"warning: {warning}")
