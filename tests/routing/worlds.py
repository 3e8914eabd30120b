"""Any catalog one could configure, right or wrong: for laws that must hold in all of them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from pointsman.core.catalog import AUTO, Capability, Catalog, ModelCard, RouterCard, Tier
from pointsman.core.failure import FailureKind
from pointsman.testing import a_card, an_endpoint

NAMES = ("alpha", "beta", "gamma", "модель", "模型 ☃")
WORDS = (*NAMES, "alias", "cycle", "smart", AUTO, "simple", "medium", "*", "unheard of", "")
TABLES = st.dictionaries(st.sampled_from(WORDS), st.lists(st.sampled_from(WORDS), max_size=3).map(tuple), max_size=4)
WINDOWS = st.none() | st.sampled_from([10, 1_000, 100_000])


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A catalog and the name somebody asks it for."""

    catalog: Catalog
    asked: str | None


@st.composite
def cards(draw: st.DrawFn) -> tuple[ModelCard, ...]:
    """Up to six cards; those of one name are a pool, and each has an endpoint of its own."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=draw(st.sampled_from([4, 2, 0])), max_size=6))
    return tuple(
        a_card(
            name,
            id=f"{name}#{index}",
            endpoint=an_endpoint(f"server{index}", is_local=draw(st.booleans())),
            context_tokens=draw(WINDOWS),
            lacks=draw(st.sampled_from([frozenset(), frozenset(), *(frozenset({one}) for one in Capability)])),
            order=draw(st.integers(0, 1)),
            weight=draw(st.sampled_from([0.0, 1.0, 5.0])),
        )
        for index, name in enumerate(names)
    )


@st.composite
def routers(draw: st.DrawFn, name: str) -> RouterCard:
    """Tiers that may be empty, or name what is not there."""
    tiers = st.dictionaries(
        st.sampled_from(Tier),
        st.lists(st.sampled_from((*NAMES, "alias")), max_size=3).map(tuple),
        min_size=draw(st.sampled_from([2, 1, 0])),
        max_size=4,
    )
    return RouterCard(
        name=name,
        tiers=draw(tiers),
        default_tier=draw(st.sampled_from(Tier)),
        default_model=draw(st.none() | st.sampled_from((*NAMES, "alias", "unheard of"))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A catalog of cards, two routers, aliases (a circle among them) and fallbacks of every kind."""
    catalog = Catalog(
        models=draw(cards()),
        routers=tuple(
            draw(routers(name)) for name in draw(st.sampled_from([(AUTO, "smart"), (AUTO,), ("smart",), ()]))
        ),
        aliases={"alias": draw(st.sampled_from((*NAMES, "smart"))), "cycle": "cycle"},
        fallbacks=draw(TABLES),
        fallbacks_by_kind=draw(st.dictionaries(st.sampled_from(FailureKind), TABLES, max_size=2)),
        climb_tiers=draw(st.booleans()),
    )
    return World(catalog=catalog, asked=draw(st.none() | st.sampled_from(WORDS)))
