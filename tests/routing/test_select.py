"""From a pick to the models in the order of their trial."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import cycle
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Catalog, Tier
from pointsman.core.decision import Outcome, Pick, Step, Struck
from pointsman.core.errors import ContextTooLong, ModelStruckOut, NoModelAvailable, PointsmanError, Refused
from pointsman.core.failure import FailureKind
from pointsman.routing.select import Selection, Selector
from pointsman.testing import a_card, a_catalog, a_router
from tests.routing.worlds import NAMES, World, worlds

S, M, C, R = (a_card(name) for name in ("s", "m", "c", "r"))
LADDER = {Tier.SIMPLE: ["s"], Tier.MEDIUM: ["m"], Tier.COMPLEX: ["c"], Tier.REASONING: ["r"]}


def select(pick: Pick, catalog: Catalog, struck: Iterable[Struck] = (), draw: Sequence[float] = (0.5,)) -> Selection:
    """The selection when *struck* are out; *draw* is repeated."""
    out = tuple(struck)
    gone = {one.model for one in out}
    numbers = cycle(draw)
    selector = Selector(catalog=catalog, draw=lambda: next(numbers))
    return selector.select(pick, {card.id: card for card in catalog.models if card.id not in gone}, out)


def out(*models: str, by: str = "privacy") -> list[Struck]:
    """These are struck out."""
    return [Struck(model=model, by=by, reason="no") for model in models]


def tier(wanted: Tier, router: str | None = None) -> Pick:
    """A pick of a tier."""
    return Pick(tier=wanted, router=router, reason="r")


def explicit(model: str) -> Pick:
    """The caller named it."""
    return Pick(model=model, reason="r", is_explicit=True)


@pytest.mark.parametrize(
    ("wanted", "candidates"),
    [
        (Tier.SIMPLE, ("s", "m", "c", "r")),
        (Tier.MEDIUM, ("m", "c", "r", "s")),
        (Tier.COMPLEX, ("c", "r", "m", "s")),
        (Tier.REASONING, ("r", "c", "m", "s")),
    ],
)
def test_a_tier_is_followed_by_those_above_then_below(wanted: Tier, candidates: tuple[str, ...]) -> None:
    """Nearest first; nobody may answer worse while somebody better can."""
    assert select(tier(wanted), a_catalog(S, M, C, R, tiers=LADDER)) == Selection(
        candidates=candidates, model=candidates[0], tier=wanted
    )


def errand(wanted: Tier = Tier.SIMPLE) -> Pick:
    """A small errand of an interface."""
    return Pick(tier=wanted, reason="r", is_utility=True)


def test_an_errand_goes_from_small_over_medium_to_large() -> None:
    """And then to what is configured for them: never to the dearest tier by itself, climbing or not."""
    catalog = a_catalog(S, M, C, R, tiers=LADDER, climb_tiers=False)
    assert select(errand(), catalog) == Selection(candidates=("s", "m", "c"), model="s", tier=Tier.SIMPLE)
    assert select(errand(Tier.REASONING), catalog).candidates == ("r",)
    catalog = a_catalog(S, M, C, R, tiers=LADDER, fallbacks={"s": ("r",), "*": ("m",)})
    assert select(errand(), catalog).candidates == ("s", "m", "c", "r")


def test_an_errand_that_no_small_model_may_do_climbs() -> None:
    """The trail says so; when only the dearest is left, it is that one."""
    catalog = a_catalog(S, M, C, R, tiers=LADDER)
    found = select(errand(), catalog, out("s"))
    assert (found.candidates, found.tier) == (("m", "c"), Tier.MEDIUM)
    assert [note.detail for note in found.notes] == ["tier 'simple' has no usable model, so 'medium' takes it"]
    assert select(errand(), catalog, out("s", "m", "c")).candidates == ("r",)
    with pytest.raises(Refused):
        select(errand(), catalog, out("s", "m", "c", "r"))
    with pytest.raises(NoModelAvailable):
        select(errand(), Catalog(models=()))


def test_without_climbing_a_tier_has_only_its_own() -> None:
    """And what is configured for it."""
    catalog = a_catalog(S, M, C, R, tiers=LADDER, climb_tiers=False, fallbacks={"m": ("r",)})
    assert select(tier(Tier.MEDIUM), catalog).candidates == ("m", "r")


def test_an_empty_tier_is_taken_by_the_next_and_the_trail_says_so() -> None:
    """Because there is nobody in it, or nobody who may."""
    found = select(tier(Tier.MEDIUM), a_catalog(S, M, C, R, tiers=LADDER), out("m"))
    assert (found.candidates, found.tier) == (("c", "r", "s"), Tier.COMPLEX)
    assert [(note.outcome, note.detail) for note in found.notes] == [
        (Outcome.CLIMBED, "tier 'medium' has no usable model, so 'complex' takes it")
    ]
    assert select(tier(Tier.REASONING), a_catalog(S, tiers={Tier.SIMPLE: ["s"]})).model == "s"


def test_the_ladder_is_that_of_the_router_that_picked() -> None:
    """Another router's models have no part in it."""
    smart = a_router({Tier.MEDIUM: ["m"], Tier.REASONING: ["r"]}, name="smart")
    catalog = a_catalog(S, M, C, R, tiers={Tier.MEDIUM: ["s"], Tier.COMPLEX: ["c"]}, routers=[smart])
    assert select(tier(Tier.MEDIUM, "smart"), catalog).candidates == ("m", "r")
    assert select(tier(Tier.MEDIUM, "auto"), catalog).candidates == ("s", "c")
    assert select(tier(Tier.MEDIUM), catalog).candidates == ("s", "c")


def test_a_routers_and_a_tiers_own_fallbacks_come_before_other_tiers() -> None:
    """What somebody wrote down goes before what follows by itself."""
    catalog = a_catalog(
        S, M, C, R, tiers={Tier.SIMPLE: ["s"], Tier.MEDIUM: ["m"]}, fallbacks={"auto": ("r",), "simple": ("c",)}
    )
    assert select(tier(Tier.SIMPLE), catalog).candidates == ("s", "c", "r", "m")


def test_an_alias_in_a_tier_is_the_model_it_names() -> None:
    """With its tier and its fallbacks."""
    catalog = a_catalog(S, M, tiers={Tier.SIMPLE: ["fast"]}, aliases={"fast": "s"}, fallbacks={"s": ("m",)})
    assert select(tier(Tier.SIMPLE), catalog) == Selection(candidates=("s", "m"), model="s", tier=Tier.SIMPLE)
    assert select(explicit("fast"), catalog) == Selection(candidates=("s", "m"), model="s", tier=Tier.SIMPLE)


def test_when_all_tiers_are_empty_the_default_model_takes_it() -> None:
    """It belongs to no tier."""
    catalog = a_catalog(S, M, routers=[a_router({Tier.SIMPLE: ["s"]}, default_model="m")])
    assert select(tier(Tier.SIMPLE), catalog, out("s")) == Selection(candidates=("m",), model="m", tier=None)


def test_a_default_model_is_followed_by_the_routers_tiers() -> None:
    """Also when it is struck out itself; then the tier is nobody's."""
    catalog = a_catalog(S, M, C, routers=[a_router({Tier.SIMPLE: ["s"], Tier.COMPLEX: ["c"]}, default_model="m")])
    pick = Pick(model="m", router="auto", reason="r")
    assert select(pick, catalog).candidates == ("m", "s", "c")
    assert select(pick, catalog, out("m")) == Selection(candidates=("s", "c"), model="s", tier=None)


def test_a_named_model_is_followed_by_what_is_configured_and_nobody_else() -> None:
    """No tier is climbed for it; its own tier is shown."""
    catalog = a_catalog(S, M, C, R, tiers=LADDER, fallbacks={"m": ("c",)})
    assert select(explicit("m"), catalog) == Selection(candidates=("m", "c"), model="m", tier=Tier.MEDIUM)
    assert select(explicit("s"), catalog).candidates == ("s",)


def test_a_named_model_that_was_struck_out_is_refused_aloud() -> None:
    """Its fallbacks do not silently take its place."""
    catalog = a_catalog(M, C, fallbacks={"m": ("c",), "*": ("c",)})
    with pytest.raises(ModelStruckOut) as refused:
        select(explicit("m"), catalog, out("m"))
    assert (refused.value.model, refused.value.by, refused.value.reason) == ("m", "privacy", "no")


def test_a_prompt_too_long_for_a_named_model_goes_to_its_context_fallback() -> None:
    """With a line in the trail; the alias in the table is followed."""
    catalog = a_catalog(M, C, R, aliases={"wide": "c"}, fallbacks_by_kind={FailureKind.CONTEXT: {"m": ("r", "wide")}})
    found = select(explicit("m"), catalog, [*out("m", by="context"), *out("r")])
    assert (found.candidates, found.model, found.tier) == (("c",), "c", None)
    assert [(note.strategy, note.outcome, note.detail) for note in found.notes] == [
        ("context", Outcome.CLIMBED, "no, so 'c' takes it")
    ]


def test_without_a_context_fallback_a_named_model_says_it_is_too_long() -> None:
    """400, about `messages`."""
    with pytest.raises(ContextTooLong, match="too long for 'm': no") as refused:
        select(explicit("m"), a_catalog(M, C), out("m", by="context"))
    assert refused.value.param == "messages"


def test_a_prompt_too_long_for_all_of_a_router_goes_to_a_context_fallback() -> None:
    """Though that model is in none of its tiers; also when a default model was picked."""
    by_kind = {FailureKind.CONTEXT: {"s": ("r",)}}
    catalog = a_catalog(
        S, M, R, routers=[a_router({Tier.SIMPLE: ["m", "s"]}, default_model="s")], fallbacks_by_kind=by_kind
    )
    struck = [*out("m"), *out("s", by="context")]
    for pick in (tier(Tier.SIMPLE), Pick(model="s", reason="r")):
        found = select(pick, catalog, struck)
        assert (found.candidates, [note.detail for note in found.notes]) == (("r",), ["no, so 'r' takes it"])
    with pytest.raises(Refused):
        select(tier(Tier.SIMPLE), catalog, [*struck, *out("r")])


@pytest.mark.parametrize(
    ("struck", "error", "message"),
    [
        ([], NoModelAvailable, "No model is configured. Add one: see `pointsman config init`."),
        (out("s", by="context"), ContextTooLong, "The prompt is too long for every model (no)."),
        (
            [*out("s", by="context"), *out("m")],
            Refused,
            "No model may take this request (privacy: no).",
        ),
    ],
)
def test_when_nobody_is_left_the_strongest_reason_is_told(
    struck: list[Struck], error: type[PointsmanError], message: str
) -> None:
    """Nothing there, nothing long enough, or nothing that may."""
    catalog = a_catalog(*(card for card in (S, M) if card.id in {one.model for one in struck}))
    with pytest.raises(error) as raised:
        select(tier(Tier.MEDIUM), catalog, struck)
    assert str(raised.value).startswith(message)
    assert type(raised.value) is error


@pytest.mark.parametrize("pick", [explicit("gone"), Pick(model="gone", reason="r"), Pick(reason="r")])
def test_a_pick_of_nothing_is_an_error_of_ours(pick: Pick) -> None:
    """A plug-in may pick a model that is not there."""
    with pytest.raises(NoModelAvailable):
        select(pick, Catalog(models=(M,)))


def test_a_router_nobody_knows_has_no_models() -> None:
    """A plug-in may pick that, too."""
    with pytest.raises(NoModelAvailable):
        select(tier(Tier.SIMPLE, "gone"), a_catalog(S, tiers=LADDER))


def test_fallbacks_are_followed_level_by_level_and_never_in_circles() -> None:
    """The general ones last; a name comes once, however it is written."""
    catalog = a_catalog(
        S,
        M,
        C,
        R,
        aliases={"again": "m"},
        fallbacks={"m": ("c", "again"), "c": ("m", "s"), "s": ("c",), "*": ("m", "r")},
    )
    assert list(Selector(catalog=catalog, draw=lambda: 0.5).fallback_names("m")) == ["c", "s", "r"]


@pytest.mark.parametrize(
    ("draw", "candidates"),
    [
        ((0.9, 0.5), ("first#3", "first", "first#2")),
        ((0.5, 0.5), ("first#3", "first#2", "first")),
        ((0.1, 0.9), ("first#3", "first#2", "first")),
        ((0.0, 0.0), ("first#3", "first", "first#2")),
    ],
)
def test_a_pool_shares_the_load_by_weight_within_one_order(
    draw: tuple[float, float], candidates: tuple[str, ...]
) -> None:
    """`order` before everything; of two with the same luck the heavier one is first."""
    cards = (
        a_card("first", id="first", weight=1.0, order=1),
        a_card("first", id="first#2", weight=3.0, order=1),
        a_card("first", id="first#3", weight=0.0, order=0),
    )
    in_pool_order = (0.5, *draw)
    assert select(explicit("first"), a_catalog(*cards), draw=in_pool_order).candidates == candidates


PAIRED = a_catalog(
    S, M, C, R, a_card("m", id="m#2"), tiers={Tier.SIMPLE: ["s", "m"], Tier.COMPLEX: ["c"]}, fallbacks={"m": ("r",)}
)
ABLER = Pick(tier=Tier.SIMPLE, reason="r", instead=((Tier.SIMPLE, "m", "m does it well"),))
WHY = Step(strategy="select", outcome=Outcome.NOTE, detail="m does it well")


def test_an_abler_model_of_the_tier_comes_first() -> None:
    """Its fallbacks follow, then the tier's other models; the trail says why, and who would do it less well."""
    found = select(ABLER, PAIRED)
    assert found == Selection(
        candidates=("m", "m#2", "r", "s", "c"), model="m", tier=Tier.SIMPLE, notes=(WHY,), unfit=frozenset(["s"])
    )


@pytest.mark.parametrize(
    ("card", "first"),
    [("m#2", "m#2"), ("s", "m"), ("gone", "m")],
)
def test_of_the_abler_models_cards_the_sessions_is_first(card: str, first: str) -> None:
    """Another model's is not asked before it."""
    found = select(replace(ABLER, card=card), PAIRED)
    assert (found.candidates[0], found.unfit) == (first, frozenset(["s"]))


def test_where_nothing_is_drawn_an_abler_model_is_placed_once() -> None:
    """The same order again, with the reason of the request; not where a model is struck out."""
    catalog = a_catalog(S, M, C, R, tiers={Tier.SIMPLE: ["s", "m"], Tier.COMPLEX: ["c"]})
    selector = Selector(catalog=catalog, draw=lambda: 0.5)
    first, again = (
        selector.select(replace(ABLER, instead=((Tier.SIMPLE, "m", why),)), catalog.by_id, ()) for why in ("a", "b")
    )
    assert first.candidates == again.candidates == ("m", "s", "c")
    assert [note.detail for found in (first, again) for note in found.notes] == ["a", "b"]
    without = {card.id: card for card in (S, M)}
    assert selector.select(ABLER, without, out("c", "r")).candidates == ("m", "s")


def test_an_abler_model_that_may_not_be_asked_changes_nothing() -> None:
    """Nor does one of another tier than the one that is taken."""
    plain = Pick(tier=Tier.SIMPLE, reason="r")
    gone = out("m", "m#2")
    assert select(ABLER, PAIRED, gone) == select(plain, PAIRED, gone)
    elsewhere = replace(ABLER, instead=((Tier.COMPLEX, "m", ""),))
    assert select(elsewhere, PAIRED) == select(plain, PAIRED)


picks = st.one_of(
    st.builds(tier, st.sampled_from(Tier), st.sampled_from([None, "auto", "smart", "gone"])),
    st.builds(explicit, st.sampled_from((*NAMES, "alias", "gone"))),
    st.builds(lambda name: Pick(model=name, reason="r"), st.sampled_from((*NAMES, "alias", "gone"))),
)


@given(worlds(), picks, st.sets(st.integers(0, 5)), st.sampled_from(["privacy", "context"]), st.randoms())
def test_a_selection_names_open_models_once_and_the_pick_first(
    world: World, pick: Pick, gone: set[int], by: str, random: Random
) -> None:
    """In any catalog, whatever was struck out; an error is one of ours, and then nobody could have been chosen."""
    catalog = world.catalog
    struck = [Struck(model=card.id, by=by, reason="no") for i, card in enumerate(catalog.models) if i in gone]
    open_models = {card.id: card for i, card in enumerate(catalog.models) if i not in gone}
    router = catalog.routers_by_name.get(pick.router) if pick.router else catalog.auto
    wanted = (pick.model,) if pick.model else router.models() if router else ()
    pools = [card for name in wanted for card in catalog.pools.get(catalog.resolve(name), ())]
    try:
        found = Selector(catalog=catalog, draw=random.random).select(pick, open_models, struck)
    except (Refused, ContextTooLong, NoModelAvailable):
        assert not any(card.id in open_models for card in pools)
        return
    assert set(found.candidates) <= set(open_models)
    assert len(set(found.candidates)) == len(found.candidates)
    assert found.model == open_models[found.candidates[0]].name
    if pick.is_explicit and not found.notes:
        assert found.model == catalog.resolve(pick.model or "")
