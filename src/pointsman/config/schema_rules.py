"""The settings of rules: what a request must be like, and which tier or model it then gets."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from pointsman.config.field_types import Name, Names, Section, TierName, Tokens

Pattern = Annotated[str, Field(min_length=1, max_length=256)]
CONDITIONS = (
    "keywords",
    "pattern",
    "agent",
    "client",
    "metadata",
    "kind",
    "min_tokens",
    "max_tokens",
    "images",
    "tools",
)


class RuleSettings(Section):
    """One rule. All that it names must hold; of a list one is enough."""

    name: Name | None = Field(default=None, description="What the trail calls it; its number if not given.")
    keywords: Names = Field(default=[], description="Words or phrases of what the person asks; case is ignored.")
    pattern: Pattern | None = Field(
        default=None,
        description="A regular expression, searched in the first and last 2,048 characters of the ask; case is "
        "ignored. Repetitions need a bound (`[0-9]{1,8}`).",
    )
    agent: Names = Field(default=[], description="Agents, by name or glob: `claude-code/*`.")
    client: Names = Field(default=[], description="Programs, by the first word of their user agent: `aider*`.")
    metadata: dict[Name, Names] = Field(
        default={},
        description="Entries of the request's `metadata`, or headers `x-pointsman-meta-NAME`: values or globs by name.",
    )
    kind: Names = Field(default=[], description="Kinds of task (`pointsman models recommend` lists them).")
    min_tokens: Tokens | None = Field(default=None, description="Estimated tokens of the prompt, at least.")
    max_tokens: Tokens | None = Field(default=None, description="Estimated tokens of the prompt, at most.")
    images: bool | None = Field(default=None, description="Whether there are images.")
    tools: bool | None = Field(default=None, description="Whether tools are offered.")
    tier: TierName | None = Field(default=None, description="The tier it gets.")
    model: Name | None = Field(default=None, description="The model it gets, instead of `tier`.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.tier is None) == (self.model is None):
            raise ValueError("needs one of `tier` and `model`")
        if not any(getattr(self, name) not in (None, [], {}) for name in CONDITIONS):
            raise ValueError(f"needs a condition: one of {', '.join(CONDITIONS)}")
        if self.min_tokens is not None and self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError("`min_tokens` is more than `max_tokens`, so it never holds")
        return self
