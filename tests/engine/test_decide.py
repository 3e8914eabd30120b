"""The decision: names and what they mean, what is told about it, and who is asked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Catalog, Operation, Tier
from pointsman.core.chat import ask
from pointsman.core.decision import Caller, Decision, Outcome, Pick, Privacy, PrivacyClass, Step, Struck
from pointsman.core.errors import ModelStruckOut, NoModelAvailable, UnknownModel
from pointsman.core.events import Decided, Rejected
from pointsman.engine.decide import Decider
from pointsman.engine.explain import as_json
from pointsman.testing import a_catalog, a_router
from tests.engine.rig import PRIVATE, a_model, a_rig, inbound

NEAR, FAR, DEMO = a_model("near"), a_model("far", is_local=False), a_model("demo", is_demo=True)
CATALOG = a_catalog(
    NEAR,
    FAR,
    DEMO,
    tiers={Tier.SIMPLE: ["near"], Tier.MEDIUM: ["far"]},
    routers=[a_router({Tier.MEDIUM: ["demo"]}, name="smart")],
    aliases={"gpt-4": "far", "pick": "smart", "cheap": "simple", "cycle": "cycle"},
)


async def test_a_decision_has_all_that_led_to_it() -> None:
    """Nobody is called; the observers hear that it was a dry run."""
    rig = a_rig(CATALOG, {})
    decision = await rig.router.decide(ask("hello", model="gpt-4"))
    assert decision == Decision(
        id="d1",
        asked="gpt-4",
        operation=Operation.CHAT,
        candidates=("far",),
        model="far",
        tier=Tier.MEDIUM,
        strategy="explicit",
        reason="the caller asked for 'gpt-4', an alias of 'far'",
        score=None,
        confidence=None,
        privacy=Privacy(),
        struck=(),
        trail=(
            Step(
                strategy="explicit",
                outcome=Outcome.PICKED,
                detail="the caller asked for 'gpt-4', an alias of 'far'",
            ),
        ),
        elapsed_us=0.0,
        is_explicit=True,
    )
    (event,) = rig.events
    assert isinstance(event, Decided)
    assert (event.is_dry_run, event.prompt, event.decision) == (True, None, decision)


@pytest.mark.parametrize(
    ("asked", "model", "warned"),
    [
        (None, "far", False),
        ("auto", "far", False),
        ("near", "near", False),
        ("smart", "demo", False),
        ("pick", "demo", False),
        ("SMALL", "near", False),
        ("cheap", "near", False),
        ("claude-99", "far", True),
        ("cycle", "far", True),
        ("", "far", True),
        ("ключ ☃", "far", True),
    ],
)
async def test_every_name_means_something(asked: str | None, model: str, *, warned: bool) -> None:
    """A model, an alias, a router, a tier; an unknown one is `auto`, with a warning."""
    decision = await a_rig(CATALOG, {}).router.decide(ask("hello", model=asked))
    assert (decision.model, decision.asked) == (model, asked)
    expected = (f"model {asked!r} is not configured; 'auto' took the request",)
    assert decision.warnings == (expected if warned else ())


async def test_an_unknown_name_is_refused_where_that_is_configured() -> None:
    """However long it is."""
    rig = a_rig(CATALOG, {}, refuse_unknown_models=True)
    with pytest.raises(UnknownModel) as raised:
        await rig.router.decide(ask("hello", model="x" * 10_000))
    assert len(str(raised.value)) < 300
    assert (await rig.router.decide(ask("hello"))).model == "far"


async def test_what_takes_unknown_names_can_be_configured() -> None:
    """The standard model."""
    rig = a_rig(CATALOG, {})
    decider = Decider(
        **{
            name: getattr(rig.router.decider, name)
            for name in (
                "catalog",
                "chain",
                "selector",
                "policy",
                "health",
                "consents",
                "features_of",
                "new_id",
                "clock",
            )
        },
        standard_model="near",
    )
    decision = (await decider.decide(inbound(model="claude-99"))).decision
    assert (decision.model, decision.warnings) == (
        "near",
        ("model 'claude-99' is not configured; 'near' took the request",),
    )


async def test_nothing_configured_is_said_with_what_to_do() -> None:
    """503; the observers hear of the rejection."""
    rig = a_rig(Catalog(models=()), {})
    with pytest.raises(NoModelAvailable, match="config init"):
        await rig.router.decide(ask("hello"))
    (event,) = rig.events
    assert isinstance(event, Rejected)
    assert (event.status, event.code) == (503, "no_model_available")


async def test_a_broken_part_of_the_decision_is_told_without_its_words() -> None:
    """They may hold the prompt."""

    def broken(request: object) -> None:
        raise KeyError("secret prompt")

    rig = a_rig(CATALOG, {})
    object.__setattr__(rig.router.decider, "features_of", broken)
    with pytest.raises(KeyError):
        await rig.router.answer(inbound())
    (event,) = rig.events
    assert isinstance(event, Rejected)
    assert (event.status, event.code, event.message) == (500, "internal_error", "KeyError")


async def test_a_named_model_that_may_not_see_the_text_is_refused() -> None:
    """Never replaced in silence; with `auto` a local one takes it."""
    rig = a_rig(CATALOG, {})
    with pytest.raises(ModelStruckOut, match="privacy"):
        await rig.router.decide(ask("hello", model="gpt-4"), PRIVATE)
    decision = await rig.router.decide(ask("hello"), PRIVATE)
    assert decision.candidates == ("near",)
    assert [one.model for one in decision.struck] == ["far"]


@pytest.mark.parametrize(
    ("log_prompts", "caller", "prompt"),
    [(False, Caller(), None), (True, Caller(), "hello"), (True, PRIVATE, None)],
    ids=["off", "on", "private"],
)
async def test_a_prompt_is_told_only_when_asked_for_and_public(
    caller: Caller, prompt: str | None, *, log_prompts: bool
) -> None:
    """A private one never."""
    rig = a_rig(CATALOG, {}, log_prompts=log_prompts)
    await rig.router.decide(ask("hello"), caller)
    (event,) = rig.events
    assert isinstance(event, Decided)
    assert event.prompt == prompt


async def test_the_decision_as_json_is_the_contract() -> None:
    """The one shape of `route --json` and `POST /v1/route`."""
    decision = await a_rig(CATALOG, {}).router.decide(ask("hello", model="smart"), PRIVATE)
    assert as_json(decision) == {
        "id": "d1",
        "asked": "smart",
        "model": "demo",
        "candidates": ["demo"],
        "tier": "medium",
        "score": None,
        "confidence": None,
        "strategy": "default",
        "reason": "the router's default tier",
        "router": "smart",
        "privacy": {"class": "private", "kinds": [], "source": "flag"},
        "struck": [
            {
                "model": "far",
                "by": "privacy",
                "reason": "the request is private (flag) and this model is not local",
            }
        ],
        "trail": [
            {"strategy": "privacy", "outcome": "note", "detail": "struck out 1 of 3", "elapsed_us": 0.0},
            {"strategy": "explicit", "outcome": "passed", "detail": "", "elapsed_us": 0.0},
            {"strategy": "embeddings", "outcome": "passed", "detail": "", "elapsed_us": 0.0},
            {"strategy": "tier", "outcome": "passed", "detail": "", "elapsed_us": 0.0},
            {
                "strategy": "default",
                "outcome": "picked",
                "detail": "the router's default tier",
                "elapsed_us": 0.0,
            },
        ],
        "warnings": [],
        "demo": True,
        "elapsed_us": 0.0,
    }


async def test_what_a_classifier_expects_is_part_of_the_json() -> None:
    """Beside everything else, under a key that is missing where nobody assessed the request."""
    plain = await a_rig(CATALOG, {}).router.decide(ask("hello"))
    found = Assessment(kind="chat", difficulty=-1.0, chances=(0.9, 0.95, 0.99, 1.0), output_tokens=40, familiarity=0.5)
    assert as_json(replace(plain, assessment=found)) == as_json(plain) | {
        "assessment": {
            "kind": "chat",
            "difficulty": -1.0,
            "chances": {"simple": 0.9, "medium": 0.95, "complex": 0.99, "reasoning": 1.0},
            "output_tokens": 40,
            "familiarity": 0.5,
        }
    }


@given(st.text(), st.text(), st.sampled_from(PrivacyClass))
def test_any_decision_can_be_written_as_json(asked: str, detail: str, privacy_class: PrivacyClass) -> None:
    """Whatever a caller calls a model, in any script."""
    decision = Decision(
        id="d",
        asked=asked,
        operation=Operation.CHAT,
        candidates=(asked,),
        model=asked,
        tier=None,
        strategy="s",
        reason=Pick(reason=detail).reason,
        score=0.5,
        confidence=1.0,
        privacy=Privacy(privacy_class=privacy_class, kinds=(detail,)),
        struck=(Struck(model=asked, by="b", reason=detail),),
        trail=(),
        elapsed_us=0.1,
    )
    assert json.loads(json.dumps(as_json(decision))) == as_json(decision)
