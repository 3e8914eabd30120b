"""The dialect's name, and its two spellings of every field: `inlineData` as documented, `inline_data` as accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.chat import NO_EXTRAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json, JsonObject

NAME: Final = "gemini"


def own(found: JsonObject) -> Mapping[str, JsonObject]:
    """*found* as the extras of this dialect, none when it is empty."""
    return {NAME: found} if found else NO_EXTRAS


def camel(found: Mapping[str, Json]) -> JsonObject:
    """*found* with its own keys as documented; what they hold is left alone (it may be the caller's data)."""
    return {_camel(key) if "_" in key else key: value for key, value in found.items()}


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest) if first else key
