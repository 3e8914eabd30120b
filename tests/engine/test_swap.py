"""What is in memory counts: a loaded model of a sufficient tier, or the cloud for what would put out a pin."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pointsman.core.catalog import Catalog, ModelCard, RouterCard, Tier
from pointsman.core.decision import PromptFeatures
from pointsman.engine.residency import Housed, Residency
from pointsman.engine.swap import SwapAware
from pointsman.local.model_state import LocalModel
from pointsman.local.scheduler import Scheduler
from pointsman.routing.select import Selection
from pointsman.testing import FakeRuntime
from tests.engine.rig import a_model

GB = 1_000_000_000
SIZES = {"3b": int(2.6 * GB), "7b": int(5.5 * GB), "32b": int(21.6 * GB)}
TIERS = {"3b": Tier.SIMPLE, "7b": Tier.MEDIUM, "32b": Tier.COMPLEX, "cloud": Tier.REASONING}
CARDS = {name: a_model(name, is_local=name != "cloud") for name in TIERS}
ASK = PromptFeatures(ask="x", estimated_input_tokens=10)


def memory(loaded: Sequence[str], *, pinned: Sequence[str] = (), budget_gb: int = 24) -> SwapAware:
    """A device of 24 GB with these models in it."""
    scheduler = Scheduler(
        models=[LocalModel(name=name, size_bytes=size, is_pinned=name in pinned) for name, size in SIZES.items()],
        budget_bytes=budget_gb * GB,
        clock=time.monotonic,
    )
    scheduler.recovered(loaded)
    runtime = FakeRuntime(dict(SIZES))
    return SwapAware(
        residency=Residency(
            scheduler=scheduler,
            housed={name: Housed(runtime=runtime, model=name) for name in SIZES},
            clock=time.monotonic,
        ),
        tier_of=TIERS.get,
    )


def chosen(aware: SwapAware, *candidates: str, tier: Tier | None = None, features: PromptFeatures = ASK) -> Selection:
    """What becomes of a selection."""
    selection = Selection(candidates=candidates, model=candidates[0], tier=tier or TIERS[candidates[0]])
    return aware.reordered(selection, CARDS, features)


def test_what_is_loaded_is_taken() -> None:
    """Nothing changes, and nothing is noted."""
    found = chosen(memory(["3b"]), "3b", "7b", "32b")
    assert (found.candidates, found.notes) == (("3b", "7b", "32b"), ())


def test_a_loaded_bigger_one_answers_when_that_is_sooner() -> None:
    """300 tokens cost 2.9 s more on the 7b, a load of the 3b 2.5 s; 100 tokens are worth it."""
    slow = chosen(memory(["7b"]), "3b", "7b", "32b")
    assert slow.candidates[0] == "3b"
    short = replace(ASK, max_output_tokens=100)
    found = chosen(memory(["7b"]), "3b", "7b", "32b", features=short)
    assert (found.candidates, found.model, found.tier) == (("7b", "3b", "32b"), "7b", None)
    assert [note.detail for note in found.notes] == ["7b is in memory and answers sooner than 3b loads (2.5 s)"]


def test_a_loaded_one_that_would_do_it_less_well_is_not_enough() -> None:
    """Another was put before it for that reason."""
    short = replace(ASK, max_output_tokens=100)
    selection = Selection(candidates=("3b", "7b", "32b"), model="3b", tier=Tier.SIMPLE, unfit=frozenset(["7b"]))
    assert memory(["7b"]).reordered(selection, CARDS, short) is selection


def test_a_smaller_one_is_not_enough() -> None:
    """Whatever is loaded: the tier is the tier."""
    assert chosen(memory(["3b"]), "32b", "3b", tier=Tier.COMPLEX).candidates == ("32b", "3b")


def test_what_would_put_out_a_pin_goes_to_the_cloud() -> None:
    """Where the cloud is among the candidates; a private request's are all local, and it waits or is refused."""
    aware = memory(["3b"], pinned=["3b"], budget_gb=22)
    found = chosen(aware, "32b", "cloud", "7b")
    assert found.candidates == ("cloud", "32b", "7b")
    assert [note.detail for note in found.notes] == ["32b would put out pinned models, so cloud is asked"]
    assert chosen(aware, "32b", "7b").candidates == ("32b", "7b")


@pytest.mark.parametrize("first", ["cloud", "stranger"])
def test_models_elsewhere_are_none_of_its_business(first: str) -> None:
    """The cloud's, and local ones that nobody manages."""
    cards: dict[str, ModelCard] = {**CARDS, "stranger": a_model("stranger")}
    selection = Selection(candidates=(first, "3b"), model=first, tier=Tier.SIMPLE)
    assert memory(["3b"]).reordered(selection, cards, ASK) == selection


def test_without_a_tier_nothing_is_sufficient() -> None:
    """A default model outside the tiers."""
    selection = Selection(candidates=("3b", "7b"), model="3b", tier=None)
    assert memory(["7b"]).reordered(selection, CARDS, ASK).candidates == ("3b", "7b")


def test_a_router_knows_its_tiers() -> None:
    """As the catalog has them."""
    router = RouterCard(name="auto", tiers={Tier.SIMPLE: ("3b",)})
    assert Catalog(models=(CARDS["3b"],), routers=(router,)).auto == router


def test_how_fast_a_model_answers_is_learned() -> None:
    """The 7b has turned out as quick as 200 tokens a second: 300 of them cost less than the 3b's load."""
    aware = memory(["7b"])
    scheduler = aware.residency.scheduler
    assert chosen(aware, "3b", "7b").candidates[0] == "3b"
    scheduler.answered("7b", 400, 2.0)
    assert chosen(aware, "3b", "7b").candidates[0] == "7b"
    scheduler.answered("stranger", 400, 2.0)
    assert scheduler.tokens_per_s("3b") is None
