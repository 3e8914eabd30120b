"""The settings of shadow mode: which requests another model gets as well, and what that may cost."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from pointsman.config.field_types import Dollars, Name, Names, Seconds, Section, TierName, Tokens

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ShadowRule(Section):
    """A share of some requests, and the model that gets a copy of them."""

    model: Name = Field(description="Who gets the copies: a model, an alias or a tier.")
    sample: Share = Field(default=0.05, description="The share of these requests that is copied, from 0 to 1.")
    tiers: list[TierName] = Field(default=[], description="Only requests that were given one of these tiers.")
    kinds: Names = Field(default=[], description="Only these kinds of task, as the classifier has them.")


class ShadowSettings(Section):
    """Copies of answered requests to another model, for comparison; off until `model` or `rules` say to whom.

    The gateway makes them once the caller has the answer. A private request's copy stays on this machine. It needs the
    ledger.
    """

    model: Name | None = Field(default=None, description="Who gets the copies: a model, an alias or a tier.")
    sample: Share = Field(default=0.05, description="The share of requests that is copied, from 0 to 1.")
    tiers: list[TierName] = Field(default=[], description="Only requests that were given one of these tiers.")
    kinds: Names = Field(default=[], description="Only these kinds of task, as the classifier has them.")
    rules: list[ShadowRule] = Field(
        default=[],
        max_length=50,
        description="Several models, in place of `model`: the first rule that fits a request counts.",
    )
    budget_usd_per_day: Dollars = Field(
        default=1.0,
        description="US dollars that copies may cost in a day (UTC), in all processes together; what is free goes on.",
    )
    concurrency: int = Field(
        default=1, ge=1, le=64, description="Copies under way at once, in each process; what is drawn beyond is let be."
    )
    timeout_s: Seconds = Field(default=120.0, description="Seconds that a copy may take.")
    max_prompt_tokens: Tokens = Field(default=16_000, description="Longer prompts are not copied.")
    max_output_tokens: Tokens = Field(default=2_048, description="Most tokens a copy may be answered with.")
    judge: Name | None = Field(
        default=None,
        description="A local model that is asked which answer is better, where nothing else tells; in both orders.",
    )

    @model_validator(mode="after")
    def _says_it_once(self) -> Self:
        if self.rules and self.model is not None:
            raise ValueError("`model` and `rules` exclude each other")
        if self.rules and (self.tiers or self.kinds or "sample" in self.model_fields_set):
            raise ValueError("`sample`, `tiers` and `kinds` belong into the `rules` where there are some")
        return self

    def all_rules(self) -> list[ShadowRule]:
        """The rules, `model` as one of its own; none where shadow mode is off."""
        if self.model is None:
            return list(self.rules)
        return [ShadowRule(model=self.model, sample=self.sample, tiers=self.tiers, kinds=self.kinds)]
