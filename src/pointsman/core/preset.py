"""A preset: a name that a caller asks for (`auto:deep-work`) and what it sets where the caller said nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import Tier
    from pointsman.core.jsontypes import Json

PREFIX: Final = "auto:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one kind of conversation is to be answered: by whom, in which manner, with which tools.

    `words` are the fields of a request for each setting of `sampling`, by dialect.
    """

    name: str  # as callers say it, such as "auto:deep-work"
    description: str = ""
    system: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    words: Mapping[str, Mapping[str, Mapping[str, Json]]] = field(default_factory=dict)
    tools: tuple[str, ...] | None = None  # names or globs of those that may be offered; None: any
    tier: Tier | None = None
    model: str | None = None
