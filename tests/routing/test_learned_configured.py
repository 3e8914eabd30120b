"""The learned classifier as it is put together from a configuration, with the weights that are shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pointsman.bootstrap import open_router
from pointsman.classification import learned_strategy, prepare, shipped_weights
from pointsman.config import Loaded, load
from pointsman.core.assessment import TARGET
from pointsman.core.catalog import Operation, Tier
from pointsman.core.decision import Caller, Pick, Privacy, PromptFeatures, RoutingContext
from pointsman.core.errors import ConfigError
from pointsman.routing.learned.abilities import Learnt
from pointsman.routing.learned.floors import FLOORS
from pointsman.routing.learned.weights import Weights, dumped
from pointsman.routing.strategies.learned import ONE_UP, Learned, Unsure
from tests.routing.small_weights import small_weights

TIERS = ("simple", "medium", "complex", "reasoning")
HARD = (
    "Prove that every finite group of order p^2 q has a normal Sylow subgroup, and classify all such groups up to "
    "isomorphism."
)


def configured(folder: Path, routing: object, **abilities: object) -> Loaded:
    """A model for each tier, called like it."""
    models = [
        {
            "name": tier,
            "model": f"ollama/{tier}",
            "tier": tier,
            **({"ability": abilities[tier]} if tier in abilities else {}),
        }
        for tier in TIERS
    ]
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump({"models": models, "routing": routing}), encoding="utf-8")
    return load(config=path, environ={}, cwd=folder)


async def picked(loaded: Loaded, ask: str) -> Pick | None:
    """What is picked for *ask*."""
    context = RoutingContext(
        requested_model=None,
        operation=Operation.CHAT,
        features=PromptFeatures(ask=ask, estimated_input_tokens=20),
        caller=Caller(),
        privacy=Privacy(),
    )
    return await learned_strategy(loaded, loaded.catalog).decide(context)


def test_the_weights_that_are_shipped_are_whole() -> None:
    """Cuts that rise, and the kinds that floors speak of."""
    weights = shipped_weights()
    assert list(weights.cuts) == sorted(weights.cuts)
    assert set(FLOORS) - {"long-context"} <= set(weights.kinds)
    assert shipped_weights() is weights


@pytest.mark.parametrize(
    ("ask", "tier"),
    [
        ("What is the capital of France?", Tier.SIMPLE),
        ("Write a Python function and debug the class.", Tier.MEDIUM),
        (HARD, Tier.REASONING),
    ],
)
async def test_clear_cut_asks_get_their_tier(tmp_path: Path, ask: str, tier: Tier) -> None:
    """With nothing configured but models."""
    pick = await picked(configured(tmp_path, {}), ask)
    assert pick is not None
    assert (pick.tier, pick.router) == (tier, "auto")


def test_settings_are_those_of_the_configuration(tmp_path: Path) -> None:
    """Target, floors, what to do when unsure, by router."""
    routing = {
        "target": "quality",
        "floors": {"tools": "simple", "agents": "complex"},
        "unsure": {"below": 0.4, "then": "reasoning"},
        "routers": {"usual": {}, "sure": {"unsure": {"then": "best-guess"}}, "old": {"scorer": "litellm-compat"}},
    }
    loaded = configured(tmp_path, routing)
    found = learned_strategy(loaded, loaded.catalog).settings
    assert set(found) == {"auto", "usual", "sure"}
    assert [found[name].scorer.target for name in ("auto", "usual")] == [0.85, TARGET]
    assert found["usual"].floors == FLOORS
    assert found["auto"].floors == {
        **{kind: tier for kind, tier in FLOORS.items() if kind != "tools"},
        "agents": Tier.COMPLEX,
    }
    assert [found[name].unsure for name in ("auto", "usual", "sure")] == [
        Unsure(below=0.4, then=Tier.REASONING),
        Unsure(below=0.25, then=ONE_UP),
        Unsure(below=0.25),
    ]


def test_a_router_that_the_catalog_lacks_is_left_out(tmp_path: Path) -> None:
    """Nobody could ask for it."""
    loaded = configured(tmp_path, {})
    empty = load(config=None, environ={}, cwd=tmp_path / "nowhere").catalog
    assert learned_strategy(loaded, empty).settings.keys() <= empty.routers_by_name.keys()


def test_each_model_says_how_able_it_is(tmp_path: Path) -> None:
    """By kind, with `*` for those it does not name; one that says nothing is the usual one of its tier."""
    loaded = configured(tmp_path, {}, simple={"coding": 1.5, "*": 0.5}, complex=-1)
    known = learned_strategy(loaded, loaded.catalog).settings["auto"].abilities.of(None)
    assert known is not None
    assert known.shifts("coding") == (1.5, 0.0, -1.0, 0.0)
    assert known.shifts("questions") == (0.5, 0.0, -1.0, 0.0)


def test_what_is_learned_from_use_is_asked_for_by_key(tmp_path: Path) -> None:
    """Whoever composes the chain gives it."""
    loaded = configured(tmp_path, {})
    learned = {"ann": {"coding": Learnt(others=(1.0, 0.0, 0.0, 0.0))}}
    abilities = learned_strategy(loaded, loaded.catalog, lambda key_id: learned.get(key_id or "", {})).settings["auto"]
    anns = abilities.abilities.of("ann")
    assert anns is not None
    assert anns.shifts("coding")[0] == 1.0
    assert abilities.abilities.of("bob") is None


async def test_weights_of_ones_own_take_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    """As `pointsman train` writes them; what it cannot read is an error that names the file."""
    file = tmp_path / "mine.npz"
    file.write_bytes(dumped(small_weights()))
    loaded = configured(tmp_path, {"weights": str(file)})
    pick = await picked(loaded, "fleet")
    assert pick is not None
    assert pick.assessment is not None
    assert (pick.tier, pick.assessment.kind) == (Tier.REASONING, "agents")
    file.unlink()
    with pytest.raises(
        ConfigError, match=r"routing\.weights: .*mine\.npz cannot be read \(No such file or directory\)"
    ):
        learned_strategy(loaded, loaded.catalog)


def test_weights_are_read_once_and_made_ready(tmp_path: Path) -> None:
    """What a gateway prepares at its start, in a thread, the first request finds; another file is read anew."""
    file = tmp_path / "mine.npz"
    file.write_bytes(dumped(small_weights()))
    loaded = configured(tmp_path, {"weights": str(file)})
    prepare(loaded)
    first = weights_of(loaded)
    assert weights_of(loaded) is first
    assert {"numbers", "ranks"} <= vars(first.vocabulary).keys()
    file.write_bytes(dumped(replace(small_weights(), noise=0.25)))
    assert weights_of(loaded).noise == 0.25
    file.unlink()
    with pytest.raises(ConfigError, match=r"mine\.npz cannot be read"):
        prepare(loaded)


def test_nothing_is_read_where_nothing_goes_by_what_was_learned(tmp_path: Path) -> None:
    """Whatever the file holds."""
    (tmp_path / "mine.npz").write_bytes(b"no weights")
    prepare(configured(tmp_path, {"scorer": "litellm-compat", "weights": str(tmp_path / "mine.npz")}))


async def test_a_gateway_opens_with_the_weights_ready(tmp_path: Path) -> None:
    """Also on a reload, which makes all of it anew."""
    file = tmp_path / "mine.npz"
    file.write_bytes(dumped(small_weights()))
    async with open_router(configured(tmp_path, {"weights": str(file)}), ledger=False) as router:
        (learned,) = [one for one in router.decider.chain.strategies if isinstance(one, Learned)]
        assert "numbers" in vars(learned.settings["auto"].scorer.weights.vocabulary)


def weights_of(loaded: Loaded) -> Weights:
    """Those that the strategy goes by."""
    return learned_strategy(loaded, loaded.catalog).settings["auto"].scorer.weights


async def test_a_more_able_small_model_takes_more(tmp_path: Path) -> None:
    """As declared."""
    ask = "Write a Python function and debug the class."
    pick = await picked(configured(tmp_path, {}, simple=3), ask)
    assert pick is not None
    assert pick.tier is Tier.SIMPLE


async def test_where_nobody_goes_by_it_no_weights_are_read(tmp_path: Path) -> None:
    """What the file holds is no matter then."""
    (tmp_path / "mine.npz").write_bytes(b"no weights")
    loaded = configured(tmp_path, {"scorer": "litellm-compat", "weights": str(tmp_path / "mine.npz")})
    assert await picked(loaded, "fleet") is None
