"""A model's defaults are said in the words of the API that gets them."""

from __future__ import annotations

from typing import get_args

import pytest

from pointsman.config import Settings, build_catalog
from pointsman.config.card_defaults import API_NAMES, UNHEARD, in_words_of
from pointsman.config.schema import Dialect
from pointsman.core.jsontypes import JsonObject
from tests.config.conftest import LoadText

EVERYTHING: JsonObject = {
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 5,
    "n": 1,
    "stop": "END",
    "seed": 7,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logprobs": True,
    "top_logprobs": 3,
    "max_tokens": 100,
}


@pytest.mark.parametrize(
    ("dialect", "given", "sent"),
    [
        (
            "gemini",
            EVERYTHING,
            {
                "generationConfig": {
                    "temperature": 0.2,
                    "topP": 0.9,
                    "topK": 5,
                    "candidateCount": 1,
                    "stopSequences": ["END"],
                    "seed": 7,
                    "presencePenalty": 0.1,
                    "frequencyPenalty": 0.2,
                    "responseLogprobs": True,
                    "logprobs": 3,
                    "maxOutputTokens": 100,
                }
            },
        ),
        (
            "gemini",
            {"max_completion_tokens": 6, "max_tokens": 5, "safetySettings": []},
            {"safetySettings": [], "generationConfig": {"maxOutputTokens": 6}},
        ),
        (
            "gemini",
            {"temperature": 1, "top_k": 2, "generationConfig": {"temperature": 0}},
            {"generationConfig": {"temperature": 0, "topK": 2}},
        ),
        ("gemini", {"generationConfig": "wrong", "seed": 1}, {"generationConfig": "wrong"}),
        ("gemini", {"stop": ["a", "b"], "seed": None}, {"generationConfig": {"stopSequences": ["a", "b"]}}),
        ("gemini", {"user": "u", "response_format": {"type": "json_object"}}, {}),
        (
            "anthropic_messages",
            EVERYTHING,
            {"stop_sequences": ["END"], "temperature": 0.2, "top_p": 0.9, "top_k": 5, "max_tokens": 100},
        ),
        ("anthropic_messages", {"max_completion_tokens": 6}, {"max_tokens": 6}),
        ("anthropic_messages", {"reasoning_effort": "low"}, {}),
        ("openai_responses", {"reasoning_effort": "low"}, {}),
        ("anthropic_messages", {"max_completion_tokens": 6, "max_tokens": 5}, {"max_tokens": 5}),
        ("anthropic_messages", {"thinking": {"type": "enabled"}, "x": 1}, {"thinking": {"type": "enabled"}, "x": 1}),
        (
            "openai_responses",
            EVERYTHING,
            {"max_output_tokens": 100, "temperature": 0.2, "top_p": 0.9, "top_logprobs": 3},
        ),
        ("openai_responses", {"max_tokens": 5, "max_completion_tokens": 6}, {"max_output_tokens": 6}),
        ("openai_chat", EVERYTHING, EVERYTHING),
        ("ollama", {"max_tokens": 5, "keep_alive": "5m"}, {"options": {"num_predict": 5}, "keep_alive": "5m"}),
    ],
)
def test_defaults_are_said_in_the_words_of_their_api(dialect: str, given: JsonObject, sent: JsonObject) -> None:
    """Renamed and put where they are read; what has no place there is left out; its own words win."""
    assert in_words_of(dialect, given) == sent


def test_a_card_carries_them() -> None:
    """Whatever file they stood in."""
    model = {"name": "m", "model": "gemini/gemini-2.5-pro", "defaults": {"temperature": 0, "max_tokens": 9}}
    (card,) = build_catalog(Settings.model_validate({"models": [model]})).models
    assert card.defaults == {"generationConfig": {"temperature": 0, "maxOutputTokens": 9}}


def test_what_has_no_place_is_named_with_its_line(load_text: LoadText) -> None:
    """It would be an error there, and silence would be worse."""
    text = (
        "model_list:\n"
        "- model_name: c\n"
        "  litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: k, temperature: 0,\n"
        "    seed: 1}\n"
        "- {model_name: g, litellm_params: {model: gemini/gemini-2.5-pro, api_key: k, user: u}}\n"
    )
    loaded = load_text(text, name="litellm_config.yaml")
    assert [card.defaults for card in loaded.catalog.models] == [{"temperature": 0}, {}]
    assert [str(warning) for warning in loaded.warnings] == [
        "litellm_config.yaml:4: not used: Anthropic has no 'seed', which is a default of the model 'c'",
        "litellm_config.yaml:5: not used: Gemini has no 'user', which is a default of the model 'g'",
    ]


def test_every_api_but_openais_own_has_its_words() -> None:
    """A new dialect says what it does with defaults."""
    assert set(get_args(Dialect)) - {"openai_chat"} == UNHEARD.keys() == API_NAMES.keys()
