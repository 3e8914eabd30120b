"""Models that run on this machine: what they take of its memory, and whether they are there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Presence(StrEnum):
    """Whether a model is in memory."""

    ABSENT = "absent"
    LOADING = "loading"
    LOADED = "loaded"
    UNLOADING = "unloading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Bytes of memory that a running model takes, by what takes them."""

    weights_bytes: int
    kv_cache_bytes: int
    compute_bytes: int
    overhead_bytes: int  # the process and its device context

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.kv_cache_bytes + self.compute_bytes + self.overhead_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One model as its runtime reports it. `model` is the runtime's own name for it; None is not known."""

    model: str
    presence: Presence = Presence.LOADED
    total_bytes: int | None = None
    vram_bytes: int | None = None
    context_tokens: int | None = None
    slots: int | None = None
    busy: int | None = None  # requests under way
    until_s: float | None = None  # when the runtime will unload it, seconds since the epoch
    progress: float | None = None  # of a load, 0..1


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One pool of memory that models are put into. `source` is how it is known: nvml, nvidia-smi, sysfs, ram, config.

    A figure that is not known is None, which is not 0.
    """

    name: str
    total_bytes: int | None
    free_bytes: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """How far a download is. `total_bytes` None: not known yet."""

    status: str
    done_bytes: int = 0
    total_bytes: int | None = None
