"""The composition of the chain: which strategies there are, and in which order they are asked.

Part of the composition root. What a caller says comes first, then what the configuration says, then what is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.routing.complexity.configured import complexity_settings
from pointsman.routing.strategies.complexity import Complexity
from pointsman.routing.strategies.default import Default
from pointsman.routing.strategies.embeddings import EmbeddingModel
from pointsman.routing.strategies.override import ExplicitModel, TierName
from pointsman.routing.strategies.utility import Utility

if TYPE_CHECKING:
    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Catalog
    from pointsman.routing.strategy import Strategy


def strategies_of(loaded: Loaded, catalog: Catalog) -> tuple[Strategy, ...]:
    """The strategies over *catalog*; `judgement` puts the local judge before the scorer."""
    scorers = {name: complexity_settings(block) for name, block in loaded.complexity.items()}
    return (
        ExplicitModel(catalog),
        EmbeddingModel(),
        TierName(catalog),
        Utility(catalog),
        Complexity(catalog, scorers),
        Default(catalog),
    )
