"""What a model's name tells of it: its size, the tier that suggests, whether it is for embeddings."""

from __future__ import annotations

import re

from pointsman.core.catalog import Tier

_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?e?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_EMBEDDING = re.compile(r"embed|(?:^|[/:_-])(?:bge|gte|e5|minilm|mxbai|paraphrase|rerank|reranker)(?:[/:_.-]|$)")


def billions_of_parameters(model: str) -> float | None:
    """Parameters in billions as *model*'s name says (`qwen2.5:3b` 3, `mixtral-8x7b` 56, `gemma3:270m` 0.27)."""
    sizes = [
        float(number) * int(experts or 1) / (1000 if unit == "m" else 1)
        for experts, number, unit in _SIZE.findall(model.lower())
    ]
    return max(sizes, default=None)


def tier_by_size(billions: float) -> Tier:
    """The tier a model of so many parameters is good for: up to 4 simple, 15 medium, 40 complex, more reasoning."""
    bounds = ((4.5, Tier.SIMPLE), (15.0, Tier.MEDIUM), (40.0, Tier.COMPLEX))
    return next((tier for bound, tier in bounds if billions <= bound), Tier.REASONING)


def is_embedding_model(model: str) -> bool:
    """Whether *model*'s name is that of an embeddings (or reranking) model."""
    return _EMBEDDING.search(model.lower()) is not None
