"""The settings of agents: a tier or a model by name, and what happens when an answer is not good enough."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from pointsman.config.field_types import Name, Seconds, Section, TierName
from pointsman.core.catalog import Tier


class AgentSettings(Section):
    """What the agents of one name, or of a pattern such as `codex/*`, get."""

    tier: TierName | None = Field(default=None, description="The tier for all of its calls.")
    model: Name | None = Field(default=None, description="The model for all of its calls, instead of a tier.")
    floor: TierName | None = Field(default=None, description="The lowest tier that is chosen for it.")
    cap: TierName | None = Field(default=None, description="The highest tier that is chosen for it, or it climbs to.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.tier is not None and self.model is not None:
            raise ValueError("`tier` and `model` exclude each other")
        if self.floor is not None and self.cap is not None and self.floor.rank > self.cap.rank:
            raise ValueError("`floor` is above `cap`")
        low, high = self.floor or Tier.SIMPLE, self.cap or Tier.REASONING
        if self.tier is not None and not low.rank <= self.tier.rank <= high.rank:
            raise ValueError("`tier` is outside `floor` and `cap`")
        if not self.model_fields_set:
            raise ValueError("needs `tier`, `model`, `floor` or `cap`")
        return self


def _agent(value: object) -> object:
    """A tier's or a model's name as the settings it stands for."""
    if not isinstance(value, str):
        return value
    return {"model": value} if Tier.parse(value) is None else {"tier": value}


AgentEntry = Annotated[AgentSettings, BeforeValidator(_agent, json_schema_input_type=str | AgentSettings)]


class EscalationSettings(Section):
    """One tier up when an answer to an agent is not good enough: calls that cannot be read, refusals, circles."""

    enabled: bool = Field(default=True, description="Whether agents' answers are looked at.")
    retry: bool = Field(
        default=True, description="Whether a whole answer that is not good enough is asked for once more, one tier up."
    )
    repeats: int = Field(default=3, ge=2, le=20, description="The same tool call so often in a row is a circle.")
    remember_s: Seconds = Field(default=900.0, description="Seconds that the session, or the agent, stays one tier up.")
