"""The settings of learning from use: whether verdicts on answers change what a tier is trusted with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointsman.config.field_types import Seconds, Section


class LearningSettings(Section):
    """What becomes of verdicts, of people and of what happens next. It needs the ledger."""

    enabled: bool = Field(
        default=True, description="False: verdicts are kept, but no tier is trusted more or less for them."
    )
    half_life_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        default=30.0, description="Days after which half of what was learned is forgotten."
    )
    regenerated_within_s: Seconds = Field(
        default=300.0,
        description="Seconds within which the same ask, again in the same place of a session, is a complaint.",
    )
