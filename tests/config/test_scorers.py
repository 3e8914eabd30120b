"""Which classifier a router goes by, and its settings as they are written."""

from __future__ import annotations

import pytest

from pointsman.config.schema_classifier import ClassifierSettings
from pointsman.config.schema_routing import TARGETS, RouterSettings, Unsure, scorer_of, target_of
from tests.config.conftest import LoadText, Refusal

MODEL = "models: [{name: a, model: ollama/x}]\n"


@pytest.mark.parametrize(
    ("given", "scorer"),
    [
        ({}, "learned"),
        ({"target": "quality"}, "learned"),
        ({"tiers": {"simple": "a"}}, "learned"),
        ({"scorer": "litellm-compat"}, "litellm-compat"),
        ({"tier_boundaries": {"simple_medium": 0.1}}, "litellm-compat"),
        ({"keyword_tier_rules": []}, "litellm-compat"),
        ({"scorer": "learned", "code_keywords": ["fn"]}, "learned"),
        ({"scorer": "hybrid"}, "hybrid"),
    ],
)
def test_the_learned_classifier_decides_unless_something_of_litellms_is_said(
    given: dict[str, object], scorer: str
) -> None:
    """A key of LiteLLM's score means that score; what is said aloud comes first."""
    assert scorer_of(RouterSettings.model_validate(given)) == scorer


def test_each_router_goes_by_its_own_classifier(load_text: LoadText) -> None:
    """Those of LiteLLM's score apart from those of the learned one."""
    loaded = load_text(
        MODEL + "routing:\n  routers:\n    old: {tier_boundaries: {simple_medium: 0.2}}\n    new: {target: 0.9}\n"
    )
    assert set(loaded.learned) == {"auto", "new"}
    assert set(loaded.complexity) == {"old"}
    assert target_of(loaded.learned["new"]) == 0.9


def test_nothing_is_classified_while_routing_is_off(load_text: LoadText) -> None:
    """Not even for `auto`."""
    assert load_text(MODEL + "routing: {enabled: false}\n").learned == {}


@pytest.mark.parametrize("word", TARGETS)
def test_a_target_is_a_word_or_a_chance(word: str) -> None:
    """Three words, `balanced` if nothing is said."""
    assert target_of(RouterSettings.model_validate({"target": word})) == TARGETS[word]
    assert target_of(RouterSettings()) == TARGETS["balanced"]
    assert target_of(RouterSettings.model_validate({"target": 0.33})) == 0.33


def test_a_litellm_file_keeps_litellms_score(load_text: LoadText, guide: str) -> None:
    """One file means the same in both, also where its block sets nothing of the score."""
    loaded = load_text(guide, name="litellm_config.yaml")
    assert (set(loaded.complexity), loaded.learned) == ({"auto"}, {})
    head = guide.partition("  tier_boundaries:")[0]
    bare = load_text(head, name="litellm_config.yaml")
    assert (bare.complexity, bare.learned) == ({"auto": {}}, {})


def test_a_litellm_file_without_a_router_says_nothing_of_a_score(load_text: LoadText) -> None:
    """There is nothing to keep."""
    text = "model_list:\n  - {model_name: a, litellm_params: {model: ollama/x}}\n"
    loaded = load_text(text, name="litellm_config.yaml")
    assert (set(loaded.learned), loaded.complexity) == ({"auto"}, {})


@pytest.mark.parametrize(
    ("text", "classifier"),
    [
        ("routing: {scorer: local-judge}\n", ClassifierSettings(enabled=True, mode="only")),
        ("routing: {scorer: hybrid}\n", ClassifierSettings(enabled=True, mode="second-opinion")),
        ("routing: {scorer: hybrid}\nclassifier:\n", ClassifierSettings(enabled=True, mode="second-opinion")),
        (
            "routing: {scorer: hybrid}\nclassifier: {unsure_below: 0.7}\n",
            ClassifierSettings(enabled=True, mode="second-opinion", unsure_below=0.7),
        ),
        ("routing: {scorer: hybrid}\nclassifier: {enabled: false}\n", ClassifierSettings(mode="second-opinion")),
        ("routing: {scorer: learned}\n", ClassifierSettings()),
        ("routing: {target: quality}\n", ClassifierSettings()),
        ("", ClassifierSettings()),
    ],
)
def test_the_scorers_word_may_turn_the_local_judge_on(
    load_text: LoadText, text: str, classifier: ClassifierSettings
) -> None:
    """`local-judge` alone, `hybrid` where the learned one is unsure; what `classifier` says comes first."""
    loaded = load_text(MODEL + text)
    assert loaded.settings.classifier == classifier
    assert set(loaded.learned) == {"auto"}


def test_a_classifier_that_is_no_section_is_still_refused_as_such(refusal: Refusal) -> None:
    """The word does not hide what is wrong beside it."""
    assert "classifier" in refusal(MODEL + "routing: {scorer: hybrid}\nclassifier: 7\n")


def test_what_to_do_when_unsure_is_one_tier_up_if_nothing_is_said() -> None:
    """Below a quarter."""
    assert RouterSettings().unsure == Unsure(below=0.25, then="one-up")


def test_an_ability_is_a_number_or_one_by_kind(load_text: LoadText) -> None:
    """A number is for all kinds."""
    loaded = load_text(
        "models:\n"
        "  - {name: a, model: ollama/x, ability: 1}\n"
        "  - {name: b, model: ollama/y, ability: {coding: 0.5, '*': -1}}\n"
        "  - {name: c, model: ollama/z}\n"
    )
    assert [card.abilities for card in loaded.catalog.models] == [{"*": 1.0}, {"coding": 0.5, "*": -1.0}, {}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("routing: {scorer: magic}\n", "routing.scorer"),
        ("routing: {target: best}\n", "routing.target"),
        ("routing: {target: 1.5}\n", "routing.target"),
        ("routing: {unsure: {below: 2}}\n", "routing.unsure.below"),
        ("routing: {unsure: {then: two-up}}\n", "routing.unsure.then"),
        ("routing: {floors: {tools: huge}}\n", "routing.floors.tools"),
    ],
)
def test_a_setting_that_is_none_is_named(refusal: Refusal, text: str, told: str) -> None:
    """With its place in the file."""
    assert told in refusal(MODEL + text)


@pytest.mark.parametrize("ability", ["7", ".nan", "{coding: -4}"])
def test_an_ability_beyond_three_steps_is_refused(refusal: Refusal, ability: str) -> None:
    """No model is that far from the others of its tier."""
    assert "ability" in refusal(f"models: [{{name: a, model: ollama/x, ability: {ability}}}]\n")
