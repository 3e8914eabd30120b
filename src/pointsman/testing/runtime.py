"""A runtime without models: loads when it is told to be done, and counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Running


@dataclass(slots=True)
class FakeRuntime:
    """Holds the models of *sizes* (bytes); `broken` ones do not load. With `gate` a load waits until that is set."""

    sizes: dict[str, int]
    broken: set[str] = field(default_factory=set)
    gate: asyncio.Event | None = None
    here: set[str] = field(default_factory=set)
    story: list[str] = field(default_factory=list)
    name: str = "fake"

    async def running(self) -> list[Running]:
        """See core.ports.LocalRuntime."""
        return [Running(model=model, vram_bytes=self.sizes[model]) for model in sorted(self.here)]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime."""
        self.story.append(f"load {model}")
        await (self.gate.wait() if self.gate is not None else asyncio.sleep(0))
        if model in self.broken:
            raise RuntimeUnavailable(f"{model} does not load")
        self.here.add(model)
        return Running(model=model, vram_bytes=self.sizes[model])

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime."""
        self.story.append(f"unload {model}")
        await asyncio.sleep(0)
        self.here.discard(model)
