"""The settings of the local judge: a small model on this machine that says how hard a request is."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pointsman.config.field_types import Address, Name, Names, Section, TierName
from pointsman.config.schema_local import Bytes

Words = Literal["flash", "pro", "simple", "medium", "complex", "reasoning"]


class ClassifierSettings(Section):
    """A local model that judges how hard a prompt is (gemini-cli's `gemmaModelRouter`)."""

    enabled: bool = Field(default=False, description="Whether it is asked.")
    host: Address | None = Field(
        default=None,
        description="Its server; http://localhost:9379 if not given, unless `model` is one of `models`.",
    )
    model: Name = Field(default="gemma3-1b-gpu-custom", description="Its name there, or one of `models`.")
    dialect: Literal["gemini", "openai_chat", "ollama"] = Field(
        default="gemini", description="The API of `host`: LiteRT-LM's is `gemini`, llama.cpp's `openai_chat`."
    )
    local: bool | None = Field(
        default=None,
        description="Whether text sent to `host` stays on machines of yours. A host on loopback is taken to be local; "
        "another is refused unless you say so.",
    )
    allowed_hosts: Names = Field(
        default=[],
        description="Hosts that a configuration file of a project may name as `host`. Heard only from your own "
        "configuration or an environment variable.",
    )
    mode: Literal["only", "second-opinion"] = Field(
        default="only",
        description="`only`: it judges every request; `second-opinion`: those that the scorer is unsure of.",
    )
    unsure_below: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5, description="The scorer's confidence below which the second opinion is asked for."
    )
    labels: Literal["flash-pro", "tiers", "score"] = Field(
        default="flash-pro",
        description="What it is asked for: gemini-cli's two words, one of the four tiers, or a score from 1 to 100.",
    )
    tiers: dict[Words, TierName] = Field(
        default={}, description="What its words stand for; `flash` is simple and `pro` complex if not given."
    )
    history_turns: Annotated[int, Field(ge=0, le=20)] = Field(
        default=4, description="Earlier turns it is shown; of the last 20 messages, without tools' calls and results."
    )
    deadline_ms: Annotated[float, Field(gt=0, le=60_000, allow_inf_nan=False)] = Field(
        default=800.0, description="Milliseconds it has for an answer, its queue included; then the scorer decides."
    )
    slots: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None,
        description="Prompts it judges at once; 1 with the dialect `gemini` and 4 with the others, if not given. One "
        "more waits, the rest go by the scorer.",
    )
    memory: Bytes | None = Field(
        default=None,
        description="What it takes of `local.vram`, such as 1GiB, if it is at `host` on this machine and neither "
        "`pointsman local` serves it nor its name tells.",
    )
    auto_start: bool = Field(
        default=False,
        description="Whether `pointsman serve` starts what `pointsman local setup` has chosen, when nobody answers at "
        "`host` and that is on this machine.",
    )
    binary_path: str | None = Field(default=None, description="As in gemini-cli's file; not used.")

    @model_validator(mode="after")
    def _tiers_are_of_the_labels(self) -> Self:
        words = {"flash-pro": ("flash", "pro"), "tiers": ("simple", "medium", "complex", "reasoning"), "score": ()}
        strange = [word for word in self.tiers if word not in words[self.labels]]
        if strange:
            raise ValueError(f"`tiers` names {strange[0]!r}, which `labels: {self.labels}` does not have")
        return self
