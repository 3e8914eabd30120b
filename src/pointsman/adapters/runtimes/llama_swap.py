"""llama-swap: a proxy that starts a process for each model and stops others as its groups or its matrix say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from pointsman.adapters.runtimes.local_api import LocalApi, rows_of, text_in
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Presence, Running

TITLE: Final = "llama-swap"
START: Final = "Start it: `llama-swap --config config.yaml`."
_PRESENCES: Final = MappingProxyType(
    {"ready": Presence.LOADED, "starting": Presence.LOADING, "stopping": Presence.UNLOADING}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaSwapRuntime:
    """One llama-swap. Its models are known by the ids of its configuration, not by their aliases."""

    api: LocalApi

    @property
    def name(self) -> str:
        """See core.ports.LocalRuntime."""
        return "llama-swap"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        answer = await self.api.get("/running")
        if not answer.is_good:
            raise self.api.refused("say what it runs", answer, "This needs a llama-swap with /running.")
        found = ((text_in(row, "model"), _PRESENCES.get(text_in(row, "state"))) for row in rows_of(answer, "running"))
        return [Running(model=model, presence=presence) for model, presence in found if presence is not None]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime. What llama-swap's configuration does not let run beside it is stopped."""
        path = f"/upstream/{quote(model)}/health"
        answer = await self.api.call("GET", path, within_s=self.api.patience.load_s)
        found = await self._find(model)
        if found is None or found.presence is not Presence.LOADED:
            missing = answer.status == HTTPStatus.NOT_FOUND
            hint = "Give it the id it has in llama-swap's `models`." if missing else "Its log is at /logs."
            raise self.api.refused(f"load {model}", answer, hint)
        return found

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime."""
        if await self._find(model) is None:
            return
        path = f"/api/models/unload/{quote(model)}"
        answer = await self.api.post(path, within_s=self.api.patience.unload_s)
        if answer.status == HTTPStatus.NOT_FOUND:
            message = f"{self.api.place} could not unload {model}: it is too old to be told so."
            raise RuntimeUnavailable(message, hint="Update llama-swap, or give the model a `ttl` there.")
        if not answer.is_good:
            raise self.api.refused(f"unload {model}", answer)

        async def is_gone() -> bool:
            return await self._find(model) is None

        await self.api.until(is_gone, self.api.patience.unload_s, f"{model} was not unloaded")

    async def _find(self, model: str) -> Running | None:
        return next((one for one in await self.running() if one.model == model), None)
