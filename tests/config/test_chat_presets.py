"""Presets: what ships, what a configuration changes of it, and what is refused."""

from __future__ import annotations

import pytest

from pointsman.config.chat_presets import DIALECTS, presets_of
from pointsman.config.schema_presets import PresetSettings
from pointsman.core.catalog import Tier
from pointsman.core.chat import Sampling
from tests.config.conftest import LoadText, Refusal

MODELS = "models: [{name: small, model: ollama/x}, {name: big, model: ollama/y}]\n"


def test_two_presets_ship() -> None:
    """One for short answers, one for thorough ones."""
    shipped = presets_of({})
    assert {name: (preset.tier, preset.sampling.temperature) for name, preset in shipped.items()} == {
        "auto:quick-assistant": (Tier.SIMPLE, 0.3),
        "auto:deep-work": (Tier.COMPLEX, None),
    }
    assert all(preset.system and preset.description and preset.tools is None for preset in shipped.values())


def test_of_a_shipped_preset_only_what_is_given_changes() -> None:
    """The prompt stays; a model takes the place of the tier."""
    before = presets_of({})["auto:deep-work"]
    after = presets_of({"deep-work": PresetSettings(model="big", top_p=0.5)})["auto:deep-work"]
    assert (after.system, after.description) == (before.system, before.description)
    assert (after.tier, after.model, after.sampling) == (None, "big", Sampling(top_p=0.5))


def test_a_preset_of_ones_own_has_only_what_it_says() -> None:
    """Neither prompt nor tier is made up."""
    own = presets_of({"terse": PresetSettings(max_tokens=50, tools=[])})["auto:terse"]
    assert (own.name, own.system, own.tier, own.model, own.tools) == ("auto:terse", None, None, None, ())
    assert own.sampling == Sampling(max_output_tokens=50)


def test_settings_are_kept_in_the_words_of_every_api() -> None:
    """Ollama's options and Gemini's configuration are objects of their own."""
    own = presets_of({"terse": PresetSettings(max_tokens=50, temperature=0.5)})["auto:terse"]
    assert set(own.words) == set(DIALECTS)
    assert own.words["openai_chat"] == {"temperature": {"temperature": 0.5}, "max_output_tokens": {"max_tokens": 50}}
    assert own.words["ollama"]["max_output_tokens"] == {"options": {"num_predict": 50}}
    assert own.words["gemini"]["temperature"] == {"generationConfig": {"temperature": 0.5}}


def test_a_preset_is_a_name_like_any_other(load_text: LoadText) -> None:
    """An alias may mean it, and it may be the standard model."""
    loaded = load_text(f"{MODELS}model: {{name: 'auto:deep-work'}}\naliases: {{gpt-4o: 'auto:deep-work'}}\n")
    found = loaded.catalog.preset_of("gpt-4o")
    assert found is not None
    assert found.name == "auto:deep-work"
    assert loaded.catalog.preset_of("auto:deep-work:latest") == found
    assert [loaded.catalog.preset_of(name) for name in (None, "auto", "small", "auto:other")] == [None] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("presets: {x: {tier: simple, model: small}}", "presets.x: `tier` and `model` exclude each other."),
        ("presets: {x: {model: smal}}", "presets.x.model: no model is called 'smal'; did you mean 'small'?"),
        ("presets: {x: {temprature: 1}}", "presets.x.temprature: unknown key; did you mean 'temperature'?"),
        ("presets: {x: {temperature: 3}}", "presets.x.temperature: should be less than or equal to 2."),
        ("aliases: {a: 'auto:deep'}", "aliases.a: no model is called 'auto:deep'; did you mean 'auto:deep-work'?"),
        ("model: {name: 'auto:deep'}", "model.name: no model is called 'auto:deep'; did you mean 'auto:deep-work'?"),
    ],
)
def test_a_wrong_preset_is_named(refusal: Refusal, text: str, message: str) -> None:
    """With its line, and with the nearest name."""
    assert refusal(f"{MODELS}{text}\n") == f"pointsman.yaml:2: {message}"


def test_no_model_is_called_like_a_preset(refusal: Refusal) -> None:
    """It could not be asked for."""
    said = refusal("models: [{name: 'auto:deep-work', model: ollama/x}]\n")
    assert said == "pointsman.yaml:1: models[0].name: the name 'auto:deep-work' means a preset; choose another."
