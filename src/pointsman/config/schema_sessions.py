"""The settings of sessions: how a conversation keeps its model, and how slowly it goes down a tier."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointsman.config.field_types import Seconds, Section

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class SessionSettings(Section):
    """Whether and how requests of one conversation go together."""

    enabled: bool = Field(default=True, description="False: each request is decided as if it were the first.")
    by_beginning: bool = Field(
        default=True,
        description="Whether a conversation without an id is known by how it begins (its system prompt and the first "
        "thing said).",
    )
    easier_asks: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Asks in a row that a lower tier would do for, until the session goes down."
    )
    cache_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=300.0, description="Seconds that a model is taken to keep the conversation in its prompt cache."
    )
    prefill_tokens_per_s: Seconds = Field(
        default=500.0, description="Tokens a second that a local model reads, to tell what a lost cache costs."
    )
    most_prefill_s: Seconds = Field(
        default=10.0, description="Seconds of reading that going down to a local model may cost."
    )
    idle_s: Seconds = Field(default=3600.0, description="Seconds after its latest request that a session is forgotten.")
    most: Count = Field(
        default=10_000, description="Sessions remembered in memory, in each process; the oldest are forgotten."
    )
