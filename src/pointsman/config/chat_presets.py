"""The presets in force: the shipped ones and the configuration's, with their settings in the words of every API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.config import packaged
from pointsman.config.card_defaults import API_NAMES, in_words_of
from pointsman.config.schema_presets import PresetSettings
from pointsman.config.tree import plain
from pointsman.core.chat import Sampling
from pointsman.core.preset import PREFIX, Preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json

DIALECTS: Final = ("openai_chat", *API_NAMES)
_TARGETS: Final = frozenset(("tier", "model"))


def presets_of(own: Mapping[str, PresetSettings]) -> Mapping[str, Preset]:
    """Every preset by the name callers say; of a shipped one only what *own* gives is changed."""
    named = _shipped()
    for name, settings in own.items():
        named[name] = _changed(named[name], settings) if name in named else settings
    return {f"{PREFIX}{name}": _preset(f"{PREFIX}{name}", settings) for name, settings in named.items()}


def _shipped() -> dict[str, PresetSettings]:
    tree = plain(packaged.tree("presets.yaml"))
    assert isinstance(tree, dict)  # noqa: S101  a file of ours
    return {name: PresetSettings.model_validate(entry) for name, entry in tree.items()}


def _changed(shipped: PresetSettings, own: PresetSettings) -> PresetSettings:
    """*shipped* with what *own* gives; a model takes the place of a tier, and a tier of a model."""
    given = own.model_dump(include=own.model_fields_set)
    kept = shipped.model_dump(exclude=set(_TARGETS) if _TARGETS & own.model_fields_set else set())
    return PresetSettings.model_validate({**kept, **given})


def _preset(name: str, settings: PresetSettings) -> Preset:
    given: dict[str, Json] = {
        key: value
        for key, value in (
            ("temperature", settings.temperature),
            ("top_p", settings.top_p),
            ("max_tokens", settings.max_tokens),
        )
        if value is not None
    }
    return Preset(
        name=name,
        description=settings.description or "",
        system=settings.system,
        sampling=Sampling(
            temperature=settings.temperature, top_p=settings.top_p, max_output_tokens=settings.max_tokens
        ),
        words={
            dialect: {_FIELDS.get(key, key): in_words_of(dialect, {key: value}) for key, value in given.items()}
            for dialect in DIALECTS
        },
        tools=tuple(settings.tools) if settings.tools is not None else None,
        tier=settings.tier,
        model=settings.model,
    )


_FIELDS: Final = {"max_tokens": "max_output_tokens"}  # as core.chat.Sampling calls it
