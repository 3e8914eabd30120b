"""The settings of presets: how a kind of conversation is answered, asked for as the model `auto:NAME`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from pointsman.config.field_types import Name, Names, Section, TierName, Tokens

PresetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]


class PresetSettings(Section):
    """One preset. Of a shipped one, only the fields that are given change."""

    description: Name | None = Field(default=None, description="What it is for, in a few words.")
    system: Prompt | None = Field(default=None, description="System prompt for requests that have none.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        default=None, description="Temperature of requests that set none."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Nucleus sampling of requests that set none."
    )
    max_tokens: Tokens | None = Field(default=None, description="Longest answer to requests that set no limit.")
    tools: Names | None = Field(
        default=None,
        description="Names (or globs, `read_*`) of the tools that may be offered; the request's others are taken out. "
        "`[]`: none. All of them if not given.",
    )
    tier: TierName | None = Field(
        default=None, description="The tier that answers; chosen by the request if not given."
    )
    model: Name | None = Field(default=None, description="The model that answers, instead of `tier`.")

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if self.tier is not None and self.model is not None:
            raise ValueError("`tier` and `model` exclude each other")
        return self
