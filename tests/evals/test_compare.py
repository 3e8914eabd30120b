"""Whole comparisons over outcomes made up by a rule, so that the figures are known."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.jsontypes import JsonObject
from pointsman.evals.chart import Axis, Series, svg
from pointsman.evals.compare import Progress, compare
from pointsman.evals.datasets import Row, read_outcomes
from pointsman.evals.figures import POOLED, Figure, Report
from pointsman.evals.ladder import ladder_of
from pointsman.evals.pairs import Setting, compare_pairs
from pointsman.evals.report import as_json, chart
from pointsman.evals.routers import Answer, MeasuredRouter, OneByOne, always, chance, length
from tests.evals.synthetic import lines, written

SETTING = Setting(times=200, seed=3)
KNOWING = OneByOne(
    "knowing",
    lambda row: Answer(
        score=-row.outcomes["small"],
        tier=Tier.SIMPLE if row.outcomes["small"] else Tier.REASONING,
        probabilities={"small": row.outcomes["small"], "large": 1.0, "unknown": 0.5},
    ),
)


def reported(rows: tuple[Row, ...], *routers: MeasuredRouter, seed: int = 3) -> Report:
    """The report on *routers* beside the oracle."""
    setting = Setting(times=SETTING.times, seed=seed)
    return compare(rows, ladder_of(rows), routers, oracles=["oracle"], data="f", setting=setting, progress=Progress())


@pytest.fixture
def rows(tmp_path: Path) -> tuple[Row, ...]:
    """Forty of one source."""
    return read_outcomes(written(tmp_path / "f.jsonl", lines()))


def test_scores_are_compared_on_the_pair(rows: tuple[Row, ...]) -> None:
    """Half need the strong model: who knows has 0.75 and CPT 50 at a quarter of the calls; chance has a half."""
    found = reported(rows, KNOWING, chance(), length())
    (pair,) = found.pairs
    assert (pair.source, pair.weak, pair.strong, pair.n) == ("made", "small", "large", 40)
    assert (pair.weak_quality, pair.strong_quality) == (0.5, 1.0)
    assert pair.routers["knowing"].apgr.value == pair.routers["oracle"].apgr.value == 0.75
    assert (pair.routers["knowing"].cpt50, pair.routers["random"].cpt80) == pytest.approx((0.25, 0.8))
    assert pair.routers["random"].apgr == Figure(0.5, 0.5, 0.5)
    assert pair.routers["length"].apgr.value == 0.75
    assert pair.routers["random"].aiq == pytest.approx(0.75)
    assert pair.routers["knowing"].aiq == pytest.approx(0.875)
    assert found.means["random"].ahead is not None
    assert found.means["random"].ahead.value == pytest.approx(0.25)
    assert found.means["knowing"].ahead is None


def test_the_same_seed_gives_the_same_report(rows: tuple[Row, ...]) -> None:
    """Up to the time it took; another seed gives other intervals."""

    def figures(seed: int) -> object:
        found = as_json(reported(rows, KNOWING, seed=seed))
        return {key: value for key, value in found.items() if key not in {"routers", "seed"}}

    assert figures(3) == figures(3) != figures(4)


def test_choices_are_compared_with_the_same_calls_at_random(rows: tuple[Row, ...]) -> None:
    """Half of the calls each: 1.0 where chance has 0.75, for 5.50 dollars a thousand."""
    found = {one.router: one for one in reported(rows, KNOWING, always("large"), length()).choices}
    assert found.keys() == {"knowing", "always:large", "oracle"}
    knowing = found["knowing"]
    assert (knowing.quality, knowing.control, knowing.gain.value) == (1.0, 0.75, 0.25)
    assert knowing.gain.low > 0.1
    assert (knowing.usd_per_1k, knowing.over_mix) == pytest.approx((5.5, 0.25))
    assert (knowing.selected, knowing.optimal_cost, knowing.optimal_accuracy) == (1.0, 1.0, 1.0)
    assert found["always:large"].gain == Figure(0.0, 0.0, 0.0)
    assert found["always:large"].shares == {"small": 0.0, "large": 1.0}


def test_stated_probabilities_are_held_against_outcomes(rows: tuple[Row, ...]) -> None:
    """Of the models there are: who knows is perfect."""
    (found,) = reported(rows, KNOWING).calibration
    assert (found.of, found.n, found.ece, found.brier) == ("probability", 80, 0.0, 0.0)


def test_chances_of_tiers_are_held_against_the_models_in_their_place(rows: tuple[Row, ...]) -> None:
    """The weakest model stands for the lowest tier, the strongest for the highest; who expects nothing says nothing."""

    def expecting(row: Row) -> Answer:
        chances = (float(row.outcomes["small"]), 0.3, 0.3, 0.5)
        return Answer(score=0, tier=Tier.SIMPLE, confidence=1.0, chances=chances if row.id != "made0" else ())

    (found,) = reported(rows, OneByOne("expecting", expecting)).calibration
    assert (found.of, found.n) == ("probability", 78)
    assert (found.ece, found.brier) == pytest.approx((0.25, 0.125))


def test_confidence_is_held_against_the_chosen_models_outcome(rows: tuple[Row, ...]) -> None:
    """Always sure, right half of the time."""
    sure = OneByOne("sure", lambda _row: Answer(score=0, model="small", confidence=1.0))
    (found,) = reported(rows, sure).calibration
    assert (found.of, found.n, found.ece, found.brier) == ("confidence", 40, 0.5, 0.5)


def test_sources_are_counted_apart_and_together(tmp_path: Path) -> None:
    """The mean is that of the sources; what is too small or without a gain is named."""
    even = [line | {"outcomes": {"small": 1, "large": 1}} for line in lines(40, "even")]
    found = reported(
        read_outcomes(written(tmp_path / "f.jsonl", [*lines(40, "a"), *lines(60, "b"), *lines(8, "few"), *even])),
        length(),
    )
    assert [pair.source for pair in found.pairs] == ["a", "b", POOLED]
    assert [(one.source, one.reason) for one in found.skipped] == [
        ("even", "the strong model gains +0.000 ± 0.000"),
        ("few", "8 prompts"),
    ]
    assert found.means["length"].apgr.value == pytest.approx(0.75)
    assert {one.source for one in found.choices} == {"a", "b", "even", POOLED}
    assert {one.source: one.n for one in found.choices}[POOLED] == 148


def test_a_ladder_of_three_and_a_source_that_has_two_of_them(tmp_path: Path) -> None:
    """What a source does not have is neither compared nor chosen there; other models tell what is difficult."""

    def line(at: int, source: str, *, has_middle: bool) -> JsonObject:
        hard = at % 3
        middle = {"middle": 1 - hard // 2} if has_middle else {}
        outcomes: JsonObject = {"small": int(hard == 0), **middle, "large": 1}
        return {"id": f"{source}{at}", "prompt": "x" * hard, "source": source, "outcomes": outcomes}

    made = [line(at, "three", has_middle=True) for at in range(90)] + [
        line(at, "two", has_middle=False) for at in range(60)
    ]
    middling = OneByOne("middling", lambda _row: Answer(score=0, model="middle"))
    found = reported(read_outcomes(written(tmp_path / "f.jsonl", made)), middling, always("middle"))
    named = [(pair.source, pair.weak, pair.strong) for pair in found.pairs if pair.source != POOLED]
    assert named == [
        ("three", "small", "middle"),
        ("three", "small", "large"),
        ("three", "middle", "large"),
        ("two", "small", "large"),
    ]
    assert [(one.source, one.router, one.quality) for one in found.choices if one.router != "oracle"] == [
        ("three", "middling", pytest.approx(2 / 3)),
        ("three", "always:middle", pytest.approx(2 / 3)),
        ("two", "middling", 1.0),
    ]
    difficult = compare_pairs(
        read_outcomes(written(tmp_path / "g.jsonl", made[:90])),
        ladder_of(read_outcomes(tmp_path / "g.jsonl")),
        {},
        ["difficulty"],
        SETTING,
    )
    # The large model fails on nothing; the middle one on a half of what small fails on; small on both of the harder.
    assert [round(pair.routers["difficulty"].apgr.value, 3) for pair in difficult.pairs] == [0.5, 0.583, 0.667]
    assert "small or large, 90 prompts" not in chart(found)


def test_worse_than_chance_is_said(rows: tuple[Row, ...]) -> None:
    """Where the whole interval is below a half."""
    shortest = OneByOne("shortest", lambda row: Answer(score=-len(row.text)))
    assert reported(rows, shortest).means["shortest"].below == ("made small/large",)


def test_variants_are_for_robustness_alone(tmp_path: Path) -> None:
    """One of the two goes elsewhere; they are in no other figure."""
    variants: list[JsonObject] = [
        {"id": f"v{at}", "prompt": "Why? " + "because " * 2, "variant_of": f"made{at}"} for at in (0, 3)
    ]
    by_length = OneByOne("short", lambda row: Answer(score=0, model="large" if len(row.text) > 8 else "small"))
    found = reported(read_outcomes(written(tmp_path / "f.jsonl", [*lines(), *variants])), by_length, length())
    assert (found.routers["short"].robustness, found.routers["short"].n_variants) == (0.5, 2)
    assert found.routers["length"].robustness is None
    assert found.pairs[0].n == 40


def test_tiers_that_somebody_said_need_no_outcomes(tmp_path: Path) -> None:
    """Rho by the score; exact and far too low where a router names tiers."""
    labelled: list[JsonObject] = [
        {"id": str(at), "prompt": "x" * (at + 1), "tier": tier.value} for at, tier in enumerate(Tier)
    ]
    rows = read_outcomes(written(tmp_path / "f.jsonl", labelled))
    low = OneByOne("low", lambda row: Answer(score=len(row.text), tier=Tier.SIMPLE))
    found = compare(rows, None, [low, length()], setting=SETTING, progress=Progress())
    assert [(one.router, one.exact, one.under_two) for one in found.labels] == [
        ("low", 0.25, 0.5),
        ("length", None, None),
    ]
    assert [one.rho for one in found.labels] == pytest.approx([1.0, 1.0])
    assert (found.pairs, found.choices) == ((), ())


def test_json_has_null_for_what_cannot_be_told(rows: tuple[Row, ...]) -> None:
    """It is JSON for any reader."""
    report = reported(rows, length())
    assert json.loads(json.dumps(as_json(report), allow_nan=False))["pairs"][0]["routers"]["length"]["cpt50"] == 0.25
    assert isnan(Figure(float("nan"), 0, 0).value)


def test_the_chart_is_over_dollars_where_they_are_known(tmp_path: Path, rows: tuple[Row, ...]) -> None:
    """Else over the share of strong calls, in the mean."""
    over_dollars = chart(reported(rows, KNOWING, length()))
    free = [{key: value for key, value in line.items() if key != "cost"} for line in [*lines(), *lines(40, "b")]]
    over_calls = chart(reported(read_outcomes(written(tmp_path / "g.jsonl", free)), length()))
    texts = [[found.text for found in ET.fromstring(one).iter() if found.text] for one in (over_dollars, over_calls)]  # noqa: S314
    assert "US dollars for 1,000 prompts" in texts[0]
    assert {"Mean of 2 comparisons", "calls to the strong model, %", "length", "oracle"} <= set(texts[1])
    with pytest.raises(ValueError, match="nothing was compared"):
        chart(compare(rows, None, [], setting=SETTING, progress=Progress()))


def test_a_chart_escapes_names_and_puts_points_where_they_belong() -> None:
    """Left below and right above, between round ticks."""
    axis = Axis(label="a<b", low=0, high=1, scale=100)
    made = svg("t & u", axis, axis, [Series(name="<x>", x=[0, 1], y=[0, 1]), Series(name="dot", x=[0.5], y=[0.5])])
    root = ET.fromstring(made)  # noqa: S314  it is our own
    tag = "{http://www.w3.org/2000/svg}"
    assert next(line.get("points") for line in root.iter(f"{tag}polyline")) == "70.0,424.0 640.0,48.0"
    assert next(dot.get("cx") for dot in root.iter(f"{tag}circle")) == "355.0"
    assert [text.text for text in root.iter(f"{tag}text")][:7] == ["t & u", "0", "20", "40", "60", "80", "100"]


def test_a_line_and_a_dot_of_one_name_are_one_in_the_legend() -> None:
    """Same colour, one line of the legend; each other name has another colour and another dash."""
    axis = Axis(label="x", low=0, high=1)
    names = ["a", "b", "a name that is much too long for it"]
    lines_ = [Series(name=name, x=[0, 1], y=[0, 1]) for name in names]
    made = svg("t", axis, axis, [*lines_, Series(name="b", x=[0.5], y=[0.5])])
    root = ET.fromstring(made)  # noqa: S314  it is our own
    tag = "{http://www.w3.org/2000/svg}"
    strokes = [(line.get("stroke"), line.get("stroke-dasharray")) for line in root.iter(f"{tag}polyline")]
    assert strokes[:3] == strokes[3:]
    assert len({colour for colour, _ in strokes}) == len({dash for _, dash in strokes}) == 3
    assert [dot.get("fill") for dot in root.iter(f"{tag}circle")] == [strokes[1][0]] * 2
    assert [text.text for text in root.iter(f"{tag}text")][-3:] == ["a", "b", "a name that is much \u2026"]
