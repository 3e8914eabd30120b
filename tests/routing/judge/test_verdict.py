"""Whatever a judge answers is a word of its scale, a score, or nothing."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Tier
from pointsman.routing.judge.rubric import RUBRICS, Scale, tier_of_score
from pointsman.routing.judge.verdict import MAX_CHARS, Verdict, verdict_in

HTML = "<!doctype html><html><body>pro</body></html>"

READ_AS_FLASH_OR_PRO = {
    '{"reasoning": "Bounded.", "model_choice": "flash"}': "flash",
    '{"model_choice": "pro", "reasoning": "It says {\\"model_choice\\": \\"flash\\"}"}': "pro",
    '```json\n{"model_choice": "pro"}\n```': "pro",
    'Sure! Here you go: {"model_choice": "Pro"}. Anything else?': "pro",
    '{"a": 1} {"model_choice": "flash"} {"model_choice": "pro"}': "pro",
    '{"Model Choice": "flash"}': "flash",
    '{"choice": "pro-model, as it is vague"}': "pro",
    '{"answer": null, "label": "flash-lite"}': "flash",
    '{"wrapped": {"model_choice": "pro"}}': "pro",
    '{"reasoning": "I would say pro but", "model_choice": "flash': "flash",
    "{'model_choice': 'pro'}": "pro",
    "model_choice = flash": "flash",
    "The answer is **pro**.": "pro",
    "<think>flash? no.</think>\npro": "pro",
    "flash": "flash",
    "**Pro**": "pro",
    "Pro. A flash model could not follow it.": "pro",
    "I would take flash for that": "flash",
}
READ_AS_NOTHING = (
    "",
    " \n",
    HTML,
    "<think>pro",
    "flash or pro? It depends",
    "profound",
    '{"reasoning": "long and',
    '{"model_choice": "ultra"}',
    '{"model_choice": {"model": "pro"}}',
    '{"model_choice": true}',
    '{"model_choice": "flash|pro"}',
    '{"model_choice": "ultra"} pro',
    '{"model_choice": 3}',
    "[]",
    "null",
    "I cannot help with that.",
)
SCORES = {
    '{"complexity_score": 95, "complexity_reasoning": "10"}': 95,
    '{"complexity_score": "7"}': 7,
    '{"complexity_score": "70/100"}': 70,
    '{"complexity_score": 12.6}': 13,
    "Score: 64 of 100": 64,
    "42": 42,
    "It is 42.": 42,
}
NO_SCORES = (
    '{"complexity_score": 0}',
    '{"complexity_score": 101}',
    '{"complexity_score": -5}',
    '{"complexity_score": 1e999}',
    '{"complexity_score": NaN}',
    '{"complexity_score": false}',
    '{"complexity_score": []}',
    '{"complexity_score": ""}',
    "1000",
    "3.5",
    "between 20 and 30",
    "flash",
)
HOSTILE = {
    "braces": "{" * MAX_CHARS,
    "brackets": "[" * MAX_CHARS,
    "nested": '{"a":' * 1600,
    "words": "a " * 4096,
    "one word": "a" * MAX_CHARS,
    "pairs": "a:" * 4096,
    "underscores": "a_" * 4096,
    "blanks": "a" + " " * MAX_CHARS,
    "digits": '{"tier": ' + "9" * 8000 + "}",
    "long": "pro " * 100_000,
}


@pytest.mark.parametrize("text", READ_AS_FLASH_OR_PRO)
def test_a_wrapped_word_is_found(text: str) -> None:
    """In JSON, fenced, cut, among prose, in the wrong quotes, with more around the word."""
    found = verdict_in(text, RUBRICS[Scale.FLASH_PRO])
    assert found == Verdict(word=READ_AS_FLASH_OR_PRO[text])
    assert found.said == repr(READ_AS_FLASH_OR_PRO[text])


@pytest.mark.parametrize("text", READ_AS_NOTHING)
def test_what_says_nothing_or_two_things_is_nothing(text: str) -> None:
    """Error pages, refusals, other words and doubts."""
    assert verdict_in(text, RUBRICS[Scale.FLASH_PRO]) is None


@pytest.mark.parametrize("text", SCORES)
def test_a_score_is_a_number_from_1_to_100(text: str) -> None:
    """Rounded; in JSON, as text, or the only number said."""
    found = verdict_in(text, RUBRICS[Scale.SCORE])
    assert found == Verdict(score=SCORES[text])
    assert found.said == f"{SCORES[text]} of 100"


@pytest.mark.parametrize("text", NO_SCORES)
def test_other_numbers_are_no_score(text: str) -> None:
    """Out of range, not finite, or several."""
    assert verdict_in(text, RUBRICS[Scale.SCORE]) is None


def test_the_tiers_are_read_by_their_names() -> None:
    """Each scale knows its own words only."""
    assert verdict_in('{"tier": "Reasoning"}', RUBRICS[Scale.TIERS]) == Verdict(word="reasoning")
    assert verdict_in('{"tier": "flash"}', RUBRICS[Scale.TIERS]) is None
    assert verdict_in('{"tier": 50}', RUBRICS[Scale.TIERS]) is None


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("scale", Scale)
def test_no_answer_takes_long_to_read(text: str, scale: Scale) -> None:
    """Its length is bounded, and what is read of it is read in less than half a second."""
    began = time.process_time()
    verdict_in(text, RUBRICS[scale])
    assert time.process_time() - began < 0.5


ANSWERS = st.one_of(
    st.text(),
    st.sampled_from([*READ_AS_FLASH_OR_PRO, *SCORES, *READ_AS_NOTHING]).flatmap(
        lambda text: st.text(max_size=9).map(lambda noise: noise + text + noise)
    ),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["tier", "model_choice", "complexity_score", "x"]), inner, max_size=4)
        ),
        max_leaves=6,
    ).map(json.dumps),
)


@given(text=ANSWERS, scale=st.sampled_from(Scale))
def test_any_answer_is_a_word_of_the_scale_or_a_score_or_nothing(text: str, scale: Scale) -> None:
    """It never raises, and nothing else ever comes of it, whatever was injected into it."""
    rubric = RUBRICS[scale]
    found = verdict_in(text, rubric)
    if found is not None:
        assert found.confidence is None
        if rubric.words:
            assert found == Verdict(word=found.word)
            assert found.word in rubric.words
        else:
            assert found == Verdict(score=found.score)
            assert 1 <= found.score <= 100


def test_scores_have_tiers() -> None:
    """Each band's last score and the one after it."""
    tiers = {score: tier_of_score(score) for score in (1, 20, 21, 50, 51, 80, 81, 100)}
    assert tiers == {
        1: Tier.SIMPLE,
        20: Tier.SIMPLE,
        21: Tier.MEDIUM,
        50: Tier.MEDIUM,
        51: Tier.COMPLEX,
        80: Tier.COMPLEX,
        81: Tier.REASONING,
        100: Tier.REASONING,
    }
