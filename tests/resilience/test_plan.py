"""Who is next after a failure: never a model that was struck out, none twice but for a retry, and an end to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Catalog, Operation, Tier
from pointsman.core.decision import Decision, Privacy
from pointsman.core.failure import UNABLE, Failure, FailureKind
from pointsman.core.policy import Action, Mark, Policy, Rule
from pointsman.resilience.availability import Availability
from pointsman.resilience.budget import RetryBudget
from pointsman.resilience.plan import LOADING_PAUSE_S, LOADING_S, Plan
from pointsman.testing import ManualClock, a_card, a_catalog, a_router
from tests.routing.worlds import World, worlds

KINDS = tuple(FailureKind)
SMALL = a_card("small", context_tokens=1_000)
WIDE = a_card("wide", context_tokens=100_000)
UNKNOWN = a_card("unknown")
OTHER = a_card("other", context_tokens=1_000)
CARDS = (SMALL, OTHER, WIDE, UNKNOWN)


def failed(kind: FailureKind, status: int | None = None, retry_after_s: float | None = None) -> Failure:
    """A failure that calls the model something the plan has never heard of."""
    return Failure(kind=kind, model="?", endpoint="?", message="", status=status, retry_after_s=retry_after_s)


def plan(
    catalog: Catalog,
    candidates: Sequence[str],
    *,
    is_explicit: bool = False,
    tier: Tier | None = None,
    router: str | None = None,
    closed: Sequence[str] = (),
    max_attempts: int = 6,
    retries: int = 0,
) -> Plan:
    """A plan over *candidates* that draws 0.5."""
    decision = Decision(
        id="d",
        asked=None,
        operation=Operation.CHAT,
        candidates=tuple(candidates),
        model=candidates[0],
        tier=tier,
        strategy="s",
        reason="r",
        score=None,
        confidence=None,
        privacy=Privacy(),
        struck=(),
        trail=(),
        elapsed_us=0.0,
        router=router,
        is_explicit=is_explicit,
    )
    open_models = {card.id: card for card in catalog.models if card.id not in closed}
    return Plan(
        decision=decision,
        catalog=catalog,
        open_models=open_models,
        draw=lambda: 0.5,
        health=Availability(clock=lambda: 0.0, now=lambda: 0.0, draw=lambda: 0.5),
        budget=RetryBudget(),
        max_attempts=max_attempts,
        retries=retries,
    )


def run(made: Plan, *failures: Failure) -> list[str | None]:
    """Who was first, and who followed each failure."""
    step = made.first()
    followed: list[str | None] = []
    for failure in failures:
        assert step is not None
        followed.append(step.card.id)
        assert made.take(step)
        step = made.after(failure)
    return [*followed, step.card.id if step is not None else None]


def run_and_tell(made: Plan, *failures: Failure) -> list[str | None]:
    """As `run`, and the book of healths is told of each failure."""
    step = made.first()
    followed: list[str | None] = []
    for failure in failures:
        assert step is not None
        card = step.card
        followed.append(card.id)
        assert made.take(step)
        made.health.failed(card, failure, made.catalog.policy_of(card.name).rule(failure.kind))
        step = made.after(failure)
    return [*followed, step.card.id if step is not None else None]


@pytest.mark.parametrize(
    "kind", [FailureKind.TERMINAL, FailureKind.TRANSIENT, FailureKind.NOT_FOUND, FailureKind.AUTH, FailureKind.UNKNOWN]
)
def test_most_failures_go_to_the_next_candidate(kind: FailureKind) -> None:
    """Until there is none."""
    made = plan(a_catalog(*CARDS), ["small", "other", "wide"])
    assert run(made, *[failed(kind)] * 3) == ["small", "other", "wide", None]
    assert made.tried == ["small", "other", "wide"]


def test_nobody_follows_a_bad_request() -> None:
    """Another model would be told the same."""
    assert run(plan(a_catalog(*CARDS), ["small", "other"]), failed(FailureKind.BAD_REQUEST)) == ["small", None]


def test_another_model_may_be_able_to_do_what_one_is_not() -> None:
    """The request was right; whoever named the model gets the reason instead."""
    failure = replace(failed(FailureKind.BAD_REQUEST, status=400), code=UNABLE)
    made = plan(a_catalog(*CARDS), ["small", "other"])
    assert run(made, failure, failure) == ["small", "other", None]
    assert not made.stopped(failure)
    assert run(plan(a_catalog(*CARDS), ["small"], is_explicit=True), failure) == ["small", None]


def test_a_policy_that_stops_at_a_missing_model_stops_at_an_unable_one() -> None:
    """To its user it is the same: not this model."""
    catalog = a_catalog(*CARDS)
    stops = Policy(rules={FailureKind.NOT_FOUND: Rule(action=Action.STOP)})
    made = plan(replace(catalog, policies={"*": stops}), ["small", "other"])
    assert run(made, replace(failed(FailureKind.BAD_REQUEST), code=UNABLE)) == ["small", None]


def test_a_model_to_be_asked_once_more_later_has_all_its_attempts_now() -> None:
    """`one_retry` is for the requests after: they ask it once and go on."""
    rule = Rule(mark=Mark.ONE_RETRY, attempts=3)
    catalog = replace(a_catalog(*CARDS), policies={"small": Policy(rules={FailureKind.TRANSIENT: rule})})
    failure = failed(FailureKind.TRANSIENT, status=503)
    made = plan(catalog, ["small", "other"])
    assert run_and_tell(made, failure, failure, failure) == ["small", "small", "small", "other"]
    later = plan(catalog, ["small", "other"])
    later.health = made.health
    assert run_and_tell(later, failure) == ["small", "other"]


def test_a_prompt_too_long_goes_to_wider_windows_only() -> None:
    """Or to one that is not known; never to one as small."""
    made = plan(a_catalog(*CARDS), ["small", "other", "wide", "unknown"])
    assert run(made, *[failed(FailureKind.CONTEXT)] * 2) == ["small", "wide", "unknown"]
    made = plan(a_catalog(*CARDS), ["unknown", "small"])
    assert run(made, failed(FailureKind.CONTEXT)) == ["unknown", "small"]


def test_configured_context_fallbacks_come_first_though_they_are_no_candidates() -> None:
    """Those of the model, of the tier, of the router, then the general ones; the closed ones are left out."""
    smart = a_router({Tier.SIMPLE: ["small"]}, name="smart")
    rows = {"alias": ("other",), "simple": ("unknown",), "smart": ("wide",), "*": ("late", "closed")}
    late, closed = a_card("late"), a_card("closed", is_local=False)
    catalog = a_catalog(
        *CARDS,
        late,
        closed,
        tiers={},
        routers=[smart],
        aliases={"alias": "small"},
        fallbacks_by_kind={FailureKind.CONTEXT: rows},
    )
    failures = [failed(FailureKind.CONTEXT)] * 5
    made = plan(catalog, ["small"], tier=Tier.SIMPLE, router="smart", closed=["closed"])
    assert run(made, *failures) == ["small", "other", "unknown", "wide", "late", None]
    made = plan(catalog, ["small", "wide"], is_explicit=True, closed=["closed"])
    assert run(made, *failures[:3]) == ["small", "other", "late", None]


def test_a_router_that_is_not_named_is_auto() -> None:
    """A tier that a caller names belongs to it."""
    by_kind = {FailureKind.CONTENT: {"auto": ("wide",)}}
    catalog = a_catalog(*CARDS, fallbacks_by_kind=by_kind)
    assert run(plan(catalog, ["small", "other"]), failed(FailureKind.CONTENT)) == ["small", "wide"]
    catalog = Catalog(models=CARDS, fallbacks_by_kind=by_kind)
    assert run(plan(catalog, ["small", "other"]), failed(FailureKind.CONTENT)) == ["small", None]


def test_refused_content_goes_nowhere_by_itself() -> None:
    """What one filter refused is not shopped around, unless somebody configured that."""
    assert run(plan(a_catalog(*CARDS), ["small", "other"]), failed(FailureKind.CONTENT)) == ["small", None]
    catalog = a_catalog(*CARDS, fallbacks_by_kind={FailureKind.CONTENT: {"small": ("small", "wide")}})
    assert run(plan(catalog, ["small", "other"]), failed(FailureKind.CONTENT)) == ["small", "wide"]


def test_attempts_are_bounded() -> None:
    """However many candidates there are."""
    made = plan(a_catalog(*CARDS), ["small", "other", "wide"], max_attempts=2)
    assert run(made, *[failed(FailureKind.UNKNOWN)] * 2) == ["small", "other", None]


def test_the_last_model_is_asked_again_when_it_may_work_soon() -> None:
    """After a pause that doubles; the next model, where there is one, comes without a pause."""
    made = plan(a_catalog(*CARDS), ["small", "other"], retries=2)
    pauses = []
    followed = []
    step = made.first()
    while step is not None:
        assert made.take(step)
        followed.append(step.card.id)
        pauses.append(step.pause_s)
        step = made.after(failed(FailureKind.TRANSIENT, 503))
    assert followed == ["small", "other", "other", "other"]
    assert pauses == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert made.budget.retrying == 0


@pytest.mark.parametrize(
    ("kind", "status", "retry_after_s"),
    [
        (FailureKind.TRANSIENT, None, None),
        (FailureKind.TERMINAL, 429, None),
        (FailureKind.UNKNOWN, 418, None),
        (FailureKind.TRANSIENT, 429, 60.0),
    ],
)
def test_nobody_is_asked_again_in_vain(kind: FailureKind, status: int | None, retry_after_s: float | None) -> None:
    """Nobody answered at all, it will not work soon, or only long after."""
    made = plan(a_catalog(*CARDS), ["small"], retries=2)
    assert run(made, failed(kind, status, retry_after_s)) == ["small", None]


@given(
    worlds(),
    st.sets(st.integers(0, 5)),
    st.lists(st.tuples(st.sampled_from(KINDS), st.none() | st.just(503)), min_size=20, max_size=20),
    st.integers(1, 4),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_plan_ends_and_keeps_to_what_is_open(
    world: World,
    gone: set[int],
    failures: list[tuple[FailureKind, int | None]],
    max_attempts: int,
    retries: int,
    is_explicit: bool,  # noqa: FBT001  Hypothesis gives it by position
) -> None:
    """In any catalog, for any failures: open models, none twice but the one retried, and at most so many attempts."""
    catalog = world.catalog
    closed = [card.id for index, card in enumerate(catalog.models) if index in gone]
    candidates = [card.id for card in catalog.models if card.id not in closed]
    if not candidates:
        return
    made = plan(catalog, candidates, closed=closed, max_attempts=max_attempts, retries=retries, is_explicit=is_explicit)
    followed: list[str] = []
    step = made.first()
    for kind, status in failures:
        if step is None:
            break
        assert made.take(step)
        assert step.card.id not in followed or step.card.id == followed[-1]
        followed.append(step.card.id)
        step = made.after(failed(kind, status))
    assert set(followed) <= set(candidates)
    assert len(set(followed)) <= max_attempts
    assert len(followed) <= max_attempts + retries
    assert step is None
    assert made.budget.retrying == 0


def loading(card: str) -> Failure:
    """What llama.cpp answers while it loads *card*'s model."""
    return Failure(kind=FailureKind.TRANSIENT, model=card, endpoint="e", message="Loading model", status=503)


def test_a_local_model_that_loads_is_waited_for() -> None:
    """Where nobody else can answer: every half second, for two minutes and no longer; a cloud's is not waited for."""
    near, far = a_card("near"), a_card("far", is_local=False)
    made = plan(a_catalog(near), ["near"])
    step, pauses = made.first(), []
    while step is not None:
        assert made.take(step)
        pauses.append(step.pause_s)
        step = made.after(loading("near"))
    assert (pauses[0], set(pauses[1:]), sum(pauses)) == (0.0, {LOADING_PAUSE_S}, LOADING_S)
    assert run(plan(a_catalog(far), ["far"]), loading("far")) == ["far", None]


def test_the_last_resort_is_asked_when_nobody_else_can_be() -> None:
    """However unwell, once; not for what another model would refuse as well, nor when it may not take the request."""
    catalog = replace(a_catalog(*CARDS), last_resort="wide")
    made = plan(catalog, ["small", "wide"])
    for card in (SMALL, WIDE):
        made.health.failed(card, failed(FailureKind.TERMINAL, 429), Rule(mark=Mark.DOWN))
    step = made.first()
    assert step is not None
    assert step.card is WIDE
    assert made.take(step)
    assert made.after(failed(FailureKind.TERMINAL, 429)) is None
    assert plan(catalog, ["small"], closed=["wide"]).first() is not None
    assert run(plan(catalog, ["small", "wide"]), failed(FailureKind.CONTENT)) == ["small", None]
    alone = plan(catalog, ["small"])
    alone.health.failed(SMALL, failed(FailureKind.TERMINAL, 429), Rule(mark=Mark.DOWN))
    assert alone.first() is None


def test_a_wrong_request_goes_to_nobody_whatever_the_policy() -> None:
    """Another model would be told the same."""
    policy = Policy(rules={FailureKind.BAD_REQUEST: Rule()})
    made = plan(replace(a_catalog(*CARDS), policies={"*": policy}), ["small", "other"])
    assert run(made, failed(FailureKind.BAD_REQUEST, 400)) == ["small", None]
    assert made.has_other(SMALL)


def test_a_model_that_is_not_free_after_all_gives_way() -> None:
    """Two requests meet a model whose time is over: one finds out whether it is back, the other asks the next."""
    clock = ManualClock()
    health = Availability(clock=clock, now=clock, draw=lambda: 0.5)
    health.failed(SMALL, failed(FailureKind.TRANSIENT, 429, 1.0), Rule(mark=Mark.COOL))
    clock.advance(2.0)
    plans = [replace(plan(a_catalog(*CARDS), ["small", "other"]), health=health) for _ in range(2)]
    steps = [made.first() for made in plans]
    assert [step.card.id for step in steps if step is not None] == ["small", "small"]
    assert [made.take(step) for made, step in zip(plans, steps, strict=True) if step is not None] == [True, False]
    assert steps[1] is not None
    other = plans[1].instead(steps[1])
    assert other is not None
    assert other.card.id == "other"
