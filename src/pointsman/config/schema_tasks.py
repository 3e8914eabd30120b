"""The settings of the cheat sheet: which models suit which kind of task."""

from __future__ import annotations

from pydantic import Field

from pointsman.config.field_types import Name, Names, Section, TierName, Tokens


class TaskSettings(Section):
    """One kind of task. Of a shipped kind, only the fields that are given change."""

    title: Name | None = Field(default=None, description="What it is, in a few words.")
    tier: TierName | None = Field(default=None, description="The tier it needs.")
    context_tokens: Tokens | None = Field(default=None, description="The context it mostly needs; 8,192 if not given.")
    local: Names | None = Field(
        default=None,
        description="Local models, the best first: `qwen2.5-7b`, or, quantized so, `qwen2.5-7b:Q8_0`.",
    )
    cloud: Name | None = Field(default=None, description="The cloud model for it.")
