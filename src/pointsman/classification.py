"""The composition of the learned classifier: the shipped weights, and how each router uses them.

Part of the composition root: `precedence` puts it into the chain.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pointsman.config import packaged
from pointsman.config.schema_routing import target_of
from pointsman.core.catalog import Tier
from pointsman.core.decision import PromptFeatures
from pointsman.core.errors import ConfigError
from pointsman.routing.learned.abilities import Abilities, Member
from pointsman.routing.learned.scorer import Scorer
from pointsman.routing.learned.weights import loaded
from pointsman.routing.strategies.learned import ONE_UP, Learned, LearnedSettings, Unsure, default_floors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pointsman.config.load import Loaded
    from pointsman.config.schema_routing import RouterSettings
    from pointsman.core.catalog import Catalog, RouterCard
    from pointsman.routing.learned.abilities import OfKinds
    from pointsman.routing.learned.weights import Weights

    LearnedShifts = Callable[[str | None], OfKinds]

WEIGHTS: Final = "classifier.npz"


_SAMPLE: Final = PromptFeatures(ask="Explain in 2 sentences why the sky is blue.", estimated_input_tokens=11)


@cache
def shipped_weights() -> Weights:
    """The weights in the package, read once: about 25 ms."""
    return loaded(packaged.data(WEIGHTS), WEIGHTS)


def prepare(given: Loaded) -> None:
    """Read the weights that *given* goes by and judge once with them: no request has to wait for it.

    About 70 ms; what was read is kept for `learned_strategy`. ConfigError as in `weights_in`.
    """
    if given.learned:
        Scorer(weights=_weights(given)).judge(_SAMPLE)


def learned_strategy(given: Loaded, catalog: Catalog, from_use: LearnedShifts | None = None) -> Learned:
    """The classifier over the routers that go by it; it passes for the others.

    *from_use* gives what was learned from a caller's own use, by the id of the caller's key.
    """
    if not given.learned:
        return Learned(catalog, {})
    cards, weights = catalog.routers_by_name, _weights(given)
    return Learned(
        catalog,
        {
            name: _settings(router, weights, Abilities(_lineup(cards[name], catalog), from_use))
            for name, router in given.learned.items()
            if name in cards
        },
    )


def weights_in(file: str) -> Weights:
    """The weights in *file*, read again when it has changed; ConfigError when it cannot be read or holds none."""
    try:
        found = Path(file).expanduser().stat()
        return _read(file, (found.st_ino, found.st_mtime_ns, found.st_size))
    except OSError as error:
        raise ConfigError(f"routing.weights: {file} cannot be read ({error.strerror}).") from error


@lru_cache(maxsize=2)  # those in force, and those before a reload
def _read(file: str, _state: tuple[int, int, int]) -> Weights:
    return loaded(Path(file).expanduser().read_bytes(), file)


def _weights(given: Loaded) -> Weights:
    file = given.settings.routing.weights
    return shipped_weights() if file is None else weights_in(file)


def _settings(router: RouterSettings, weights: Weights, abilities: Abilities) -> LearnedSettings:
    then = router.unsure.then
    return LearnedSettings(
        scorer=Scorer(weights=weights, target=target_of(router)),
        abilities=abilities,
        floors=default_floors(router.floors),
        unsure=Unsure(
            below=router.unsure.below,
            then=None if then == "best-guess" else ONE_UP if then == ONE_UP else Tier(then),
        ),
    )


def _lineup(router: RouterCard, catalog: Catalog) -> Mapping[Tier, tuple[Member, ...]]:
    """Each tier's models in their order, with what they declare."""
    return {
        tier: tuple(_member(name, catalog) for name in dict.fromkeys(map(catalog.resolve, names)))
        for tier, names in router.tiers.items()
    }


def _member(name: str, catalog: Catalog) -> Member:
    pool = catalog.pools.get(name, ())
    declared = next((card.abilities for card in pool if card.abilities), {})
    return Member(name=name, cards=tuple(card.id for card in pool), declared=declared)
