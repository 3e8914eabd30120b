"""The learned classifier in the chain: the cheapest tier that is likely enough to do it well, and what changes that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import exp, log

import pytest

from pointsman.core.assessment import TARGET, Assessment
from pointsman.core.catalog import Catalog, Operation, Tier
from pointsman.core.decision import Caller, Pick, Privacy, PromptFeatures, RoutingContext
from pointsman.routing.learned.abilities import ALL_KINDS, MOST, NONE, Abilities, Learnt, Member, OfKinds, Shifts
from pointsman.routing.learned.floors import FLOORS, LONG_CONTEXT_TOKENS
from pointsman.routing.learned.scorer import MAX_TOKENS, Judged, Scorer
from pointsman.routing.strategies.learned import ONE_UP, Learned, LearnedSettings, Unsure, default_floors
from pointsman.testing import a_card, a_catalog, a_router
from tests.routing.small_weights import one_each, small_weights

WEIGHTS = small_weights()
MERGE = "You have been provided with a set of responses from various models to the latest user query: easy"
NO_FLOORS: Mapping[str, Tier] = {}
CATALOG = a_catalog(
    a_card("small"),
    a_card("large"),
    tiers={Tier.SIMPLE: ["small"], Tier.COMPLEX: ["large"]},
    routers=[a_router({Tier.COMPLEX: ["large"]}, name="smart"), a_router({Tier.SIMPLE: ["small"]}, name="other")],
    aliases={"pick": "smart"},
)


def settings(
    *,
    target: float = TARGET,
    floors: Mapping[str, Tier] = NO_FLOORS,
    unsure: Unsure | None = None,
    abilities: Abilities | None = None,
) -> LearnedSettings:
    """A router's settings without floors, that always stands by its guess."""
    return LearnedSettings(
        scorer=Scorer(weights=WEIGHTS, target=target),
        abilities=abilities or Abilities({}),
        floors=floors,
        unsure=unsure or Unsure(),
    )


def context(
    ask: str, asked: str | None = None, *, tools: int = 0, tokens: int = 5, key_id: str | None = None
) -> RoutingContext:
    """A request that asks *ask*."""
    return RoutingContext(
        requested_model=asked,
        operation=Operation.CHAT,
        features=PromptFeatures(ask=ask, estimated_input_tokens=tokens, n_tools=tools),
        caller=Caller(key_id=key_id),
        privacy=Privacy(),
    )


async def pick(found: RoutingContext, given: LearnedSettings | None = None) -> Pick:
    """What is picked for `auto` with *given*."""
    made = await Learned(CATALOG, {"auto": given or settings()}).decide(found)
    assert made is not None
    return made


def judged(ask: str, target: float = TARGET, shifts: Shifts = NONE) -> Judged:
    """The judgement of *ask* by the small classifier."""
    return Scorer(weights=WEIGHTS, target=target).judge(
        PromptFeatures(ask=ask, estimated_input_tokens=5), lambda _kind: shifts
    )


@pytest.mark.parametrize(
    ("ask", "tier"), [("easy", Tier.SIMPLE), ("fair", Tier.MEDIUM), ("hard", Tier.COMPLEX), ("proof", Tier.REASONING)]
)
async def test_the_cheapest_tier_that_is_likely_enough_is_taken(ask: str, tier: Tier) -> None:
    """Each cut is where a tier's chance of a good answer falls below the target."""
    found = await pick(context(ask))
    assert (found.tier, found.router, found.model, found.is_explicit) == (tier, "auto", None, False)
    assert found.assessment is not None
    chances = found.assessment.chances
    assert chances[tier.rank] >= TARGET or tier is Tier.REASONING
    assert all(chance < TARGET for chance in chances[: tier.rank])
    assert list(chances) == sorted(chances)


async def test_all_that_is_judged_is_told() -> None:
    """Kind, difficulty, chances, expected tokens, familiarity; the score and the reason."""
    assert await pick(context("fair")) == Pick(
        tier=Tier.MEDIUM,
        router="auto",
        score=0.5,
        confidence=0.683,
        reason="questions: medium does it well with 0.81, 0.70 is asked (simple 0.56)",
        assessment=Assessment(
            kind="questions",
            difficulty=0.0,
            chances=(0.5615, 0.8096, 0.9338, 0.9853),
            output_tokens=148,
            familiarity=1.0,
        ),
    )


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        ("easy", "questions: simple does it well with 0.98, 0.70 is asked"),
        ("proof", "reasoning: nobody is likely enough to do it well, reasoning with 0.65 the likeliest"),
    ],
)
async def test_the_reason_says_whether_anybody_is_likely_enough(ask: str, reason: str) -> None:
    """The highest tier is taken where none is."""
    assert (await pick(context(ask))).reason == reason


def test_at_the_cut_the_chance_is_the_target() -> None:
    """The chance of tier t at difficulty d is 1 / (1 + exp(-slope · (cut + logit(0.7) / slope - d)))."""
    scorer = Scorer(weights=WEIGHTS)
    for rank, cut in enumerate(WEIGHTS.cuts):
        assert scorer.chances(cut)[rank] == pytest.approx(TARGET, abs=1e-4)
    assert scorer.chances(0.0)[0] == pytest.approx(1 / (1 + exp(-1.2 * (-0.5 + log(0.7 / 0.3) / 1.2))), abs=1e-4)
    assert scorer.chances(1e9) == (0.0, 0.0, 0.0, 0.0)
    assert scorer.chances(-1e9) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(("target", "tier"), [(0.5, Tier.SIMPLE), (0.7, Tier.MEDIUM), (0.9, Tier.COMPLEX)])
async def test_a_higher_target_asks_for_a_larger_model(target: float, tier: Tier) -> None:
    """The same ask at another chance of a good answer."""
    assert (await pick(context("fair"), settings(target=target))).tier is tier


def test_confidence_is_the_chance_that_the_difficulty_lies_within_the_tier() -> None:
    """Near a cut it is low, whatever target made the cut; what is unlike all that was seen lowers it."""
    assert judged("fair").confidence == 0.683
    assert judged("edgy").confidence == 0.543
    assert judged("easy").confidence == 1.0
    assert judged("fair", target=0.9).confidence < judged("fair").confidence
    assert judged("fair zzyzx").confidence < judged("fair").confidence / 1.9


def test_the_expected_answer_has_a_length_that_is_possible() -> None:
    """At least a token, and no more than a model gives."""
    assert judged("verse").assessment.output_tokens == 54
    assert judged("zzyzx").assessment.output_tokens == 1
    assert judged("endless").assessment.output_tokens == MAX_TOKENS


@pytest.mark.parametrize(
    ("unsure", "tier", "reason"),
    [
        (Unsure(), Tier.MEDIUM, ""),
        (Unsure(below=0.6), Tier.MEDIUM, ""),
        (Unsure(below=0.5, then=ONE_UP), Tier.MEDIUM, ""),
        (Unsure(below=0.6, then=ONE_UP), Tier.COMPLEX, "; unsure (0.54), so complex"),
        (Unsure(below=0.6, then=Tier.REASONING), Tier.REASONING, "; unsure (0.54), so reasoning"),
        (Unsure(below=0.6, then=Tier.SIMPLE), Tier.SIMPLE, "; unsure (0.54), so simple"),
    ],
    ids=["not asked", "best guess", "sure enough", "one up", "a tier", "a lower tier"],
)
async def test_where_it_is_unsure_the_configuration_decides(unsure: Unsure, tier: Tier, reason: str) -> None:
    """And the reason says so."""
    found = await pick(context("edgy"), settings(unsure=unsure))
    assert (found.tier, found.confidence) == (tier, 0.543)
    assert found.reason == f"questions: medium does it well with 0.72, 0.70 is asked (simple 0.44){reason}"


async def test_nothing_is_above_the_highest_tier() -> None:
    """One up from there is itself."""
    found = await pick(context("proof"), settings(unsure=Unsure(below=1.1, then=ONE_UP)))
    assert found.tier is Tier.REASONING


@pytest.mark.parametrize(
    ("found", "tier", "reason"),
    [
        (context("easy", tools=1), Tier.MEDIUM, "; tools are offered: medium at least"),
        (context("proof", tools=1), Tier.REASONING, ""),
        (context("fleet"), Tier.REASONING, "; work of the kind 'agents': reasoning at least"),
        (context("fleet", tools=2), Tier.REASONING, "; work of the kind 'agents': reasoning at least"),
        (context("chore"), Tier.SIMPLE, ""),
        (context("novel"), Tier.REASONING, "; work of the kind 'long-writing': reasoning at least"),
        (context("verse"), Tier.MEDIUM, ""),
        (context("tool"), Tier.MEDIUM, ""),
        (context("easy", tokens=LONG_CONTEXT_TOKENS), Tier.SIMPLE, ""),
        (context(MERGE), Tier.REASONING, "; several answers become one: reasoning at least"),
        (context("easy", tokens=60_000), Tier.REASONING, "; 60,000 tokens at once: reasoning at least"),
    ],
    ids=["tools", "higher anyway", "agents", "agents with tools", "too easy for it", "a long text", "a short text",
         "only the words of a tool", "long", "merged answers", "very long"],
)  # fmt: skip
async def test_work_that_wants_a_large_model_has_a_floor(found: RoutingContext, tier: Tier, reason: str) -> None:
    """Whatever the difficulty says; the highest floor holds, and it never takes a tier away."""
    made = await pick(found, settings(floors=FLOORS))
    assert made.tier is tier
    assert "".join(made.reason.partition(";")[1:]) == reason


def test_floors_are_changed_one_by_one() -> None:
    """A tier in place of the shipped one, the lowest takes it away, and a kind that has none gets one."""
    assert default_floors({}) == FLOORS
    found = default_floors({"tools": Tier.SIMPLE, "agents": Tier.COMPLEX, "coding": Tier.MEDIUM})
    assert found == {
        "agents": Tier.COMPLEX,
        "refactoring": Tier.REASONING,
        "long-writing": Tier.REASONING,
        "research": Tier.REASONING,
        "long-context": Tier.REASONING,
        "coding": Tier.MEDIUM,
    }


@pytest.mark.parametrize(
    ("configured", "ask", "tier"),
    [
        ({ALL_KINDS: (1.0, 0.0, 0.0, 0.0)}, "fair", Tier.SIMPLE),
        ({"questions": (1.0, 0.0, 0.0, 0.0)}, "fair", Tier.SIMPLE),
        ({"reasoning": (1.0, 0.0, 0.0, 0.0)}, "fair", Tier.MEDIUM),
        ({"questions": NONE, ALL_KINDS: (1.0, 0.0, 0.0, 0.0)}, "fair", Tier.MEDIUM),
        ({ALL_KINDS: (0.0, -1.0, 0.0, 0.0)}, "fair", Tier.COMPLEX),
        ({ALL_KINDS: (3.0, 3.0, 3.0, 3.0)}, "hard", Tier.SIMPLE),
    ],
)
async def test_an_able_model_takes_more_and_a_poor_one_less(
    configured: Mapping[str, Shifts], ask: str, tier: Tier
) -> None:
    """By kind of task, `*` for the kinds that are not named."""
    assert (await pick(context(ask), settings(abilities=Abilities(one_each(configured))))).tier is tier


async def test_what_was_learned_from_a_callers_use_is_theirs() -> None:
    """By the id of the key; it is added to what is configured, and the reason says so where it makes a difference."""
    learned: dict[str | None, OfKinds] = {"ann": {"questions": Learnt(others=(0.6, 0.0, 0.0, 0.0))}}
    abilities = Abilities(one_each({"questions": (0.2, 0.0, 0.0, 0.0)}), lambda key_id: learned.get(key_id, {}))
    given = settings(abilities=abilities)
    anns = await pick(context("fair", key_id="ann"), given)
    assert anns.tier is Tier.SIMPLE
    assert anns.reason.endswith("; without what your ratings have taught it would be medium")
    assert "ratings" not in (await pick(context("easy", key_id="ann"), given)).reason
    assert (await pick(context("fair", key_id="bob"), given)).tier is Tier.MEDIUM
    assert (await pick(context("fair"), given)).tier is Tier.MEDIUM


def test_abilities_are_bounded_together() -> None:
    """What is configured and what is learned cannot add up to anything."""
    learnt = Learnt(models={(Tier.SIMPLE, "simple"): 2.0}, others=(0.0, -2.0, 1.0, 0.5))
    known = Abilities(one_each({ALL_KINDS: (2.0, -2.0, 0.0, 0.5)}), lambda _key: {"questions": learnt}).of(None)
    assert known is not None
    assert known.shifts("questions") == (MOST, -MOST, 1.0, 1.0)
    assert known.shifts("coding") == known.of("questions").usual == (2.0, -2.0, 0.0, 0.5)


def test_without_any_ability_nothing_is_reckoned() -> None:
    """The usual case costs nothing."""
    assert Abilities(one_each({})).of("ann") is None
    assert Abilities({}, lambda _key: {}).of("ann") is None
    assert Abilities({}).declared(Tier.SIMPLE, None, "coding") == 0.0


def test_what_is_known_is_reckoned_once_and_anew_when_it_has_changed() -> None:
    """For a caller, what it has taught and what it may ask; for so many callers."""
    taught: dict[str | None, OfKinds] = {"ann": {"questions": Learnt(others=(0.6, 0.0, 0.0, 0.0))}}
    abilities = Abilities(one_each({"coding": (1.0, 0.0, 0.0, 0.0)}), lambda key_id: taught.get(key_id, {}))
    first = abilities.of("ann", ())
    assert first is not None
    assert first.of("questions") is first.of("questions")
    assert abilities.of("ann", ()) is first
    assert abilities.of("ann", {"simple": 1}) is not first
    taught["ann"] = {"questions": Learnt(others=(-0.6, 0.0, 0.0, 0.0))}
    later = abilities.of("ann", ())
    assert later is not None
    assert (first.shifts("questions")[0], later.shifts("questions")[0]) == (0.6, -0.6)
    for number in range(2000):
        abilities.of(f"{number}", ())
    assert len(abilities._known) <= 1024
    again = abilities.of("ann", ())
    assert again is not None
    assert again.shifts("questions") == later.shifts("questions")


PAIR = {Tier.MEDIUM: (Member(name="first", cards=("first",)), Member(name="second", cards=("second",)))}
BOTH = {name: a_card(name) for name in ("first", "second")}


def taught(first: float, second: float) -> Abilities:
    """What was learned of the two models of the medium tier at questions."""
    learnt = Learnt(models={(Tier.MEDIUM, "first"): first, (Tier.MEDIUM, "second"): second})
    return Abilities(PAIR, lambda _key: {"questions": learnt})


@pytest.mark.parametrize(
    ("first", "second", "tier", "instead"),
    [
        (0.0, 0.0, Tier.MEDIUM, None),  # the first is good enough, so the order stands
        (0.0, 1.0, Tier.MEDIUM, None),
        (-1.0, -0.2, Tier.MEDIUM, "second"),  # it is not, the other is
        (-1.0, -0.9, Tier.COMPLEX, "second"),  # neither is: the likelier of them, should the tier be taken all the same
        (-1.0, -1.5, Tier.COMPLEX, None),
    ],
)
async def test_the_first_model_of_a_tier_that_is_likely_enough_is_asked(
    first: float, second: float, tier: Tier, instead: str | None
) -> None:
    """And the tier suffices where any of them does."""
    asked = replace(context("fair"), open_models=BOTH)
    found = await pick(asked, settings(abilities=taught(first, second)))
    assert (found.tier, [name for _, name, _ in found.instead]) == (tier, [instead] if instead else [])


async def test_why_another_model_is_asked_is_one_line() -> None:
    """Kind of task, both models, both chances."""
    asked = replace(context("fair"), open_models=BOTH)
    found = await pick(asked, settings(abilities=taught(-1.0, 0.0)))
    ((tier, name, why),) = found.instead
    assert (tier, name) == (Tier.MEDIUM, "second")
    assert why == "questions: second does it well with 0.81, first with 0.56"


async def test_a_model_that_may_not_be_asked_does_not_speak_for_its_tier() -> None:
    """Such as one that is not local, for a private request."""
    asked = replace(context("fair"), open_models={"first": BOTH["first"]})
    found = await pick(asked, settings(abilities=taught(-1.0, 0.0)))
    assert (found.tier, found.instead) == (Tier.COMPLEX, ())


@pytest.mark.parametrize(
    ("asked", "router"), [(None, "auto"), ("auto", "auto"), ("smart", "smart"), ("pick", "smart"), ("unknown", "auto")]
)
async def test_each_router_has_settings_of_its_own(asked: str | None, router: str) -> None:
    """By name or alias; an unknown name means `auto`."""
    strategy = Learned(CATALOG, {"auto": settings(), "smart": settings(target=0.9)})
    found = await strategy.decide(context("fair", asked))
    assert found is not None
    assert (found.router, found.tier) == (router, Tier.MEDIUM if router == "auto" else Tier.COMPLEX)


@pytest.mark.parametrize(
    ("catalog", "found"),
    [
        (CATALOG, context("")),
        (CATALOG, context("fair", "other")),
        (Catalog(models=()), context("fair")),
    ],
    ids=["nothing asked", "a router of another scorer", "no router"],
)
async def test_it_passes_where_it_has_nothing_to_say(catalog: Catalog, found: RoutingContext) -> None:
    """Another strategy decides then."""
    strategy = Learned(catalog, {"auto": settings(), "smart": settings()})
    assert await strategy.decide(found) is None
    assert strategy.router_of(found) is None


def test_it_has_no_keyword_rules() -> None:
    """They are those of `rules`, before it, and of LiteLLM's score."""
    router = CATALOG.auto
    assert router is not None
    assert not Learned(CATALOG, {"auto": settings()}).is_ruled(context("fair"), router)


def test_an_assessment_is_shown_with_rounded_figures() -> None:
    """Chances by the tiers' names."""
    assert judged("fair").assessment.to_json() == {
        "kind": "questions",
        "difficulty": 0.0,
        "chances": {"simple": 0.561, "medium": 0.81, "complex": 0.934, "reasoning": 0.985},
        "output_tokens": 148,
        "familiarity": 1.0,
    }
