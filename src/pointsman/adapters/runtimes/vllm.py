"""vLLM: one model a server, which sleeps (its weights in the machine's memory, the card's given back) and wakes.

Only where it is started with `--enable-sleep-mode` and VLLM_SERVER_DEV_MODE=1; else it holds its model as long as it
runs. Waking takes 0.1 to 6 s, a fraction of a load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pointsman.adapters.runtimes.local_api import LocalApi, number_in, rows_of, text_in
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json
from pointsman.core.local import Running

TITLE: Final = "vLLM"
START: Final = "Start it: `VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --enable-sleep-mode`."
_SLEEP: Final = "/sleep?level=1&mode=wait"  # older ones know no mode, and are to be idle
_NO_SLEEP: Final = "Start it with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1 in its environment."


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmRuntime:
    """One vLLM."""

    api: LocalApi

    @property
    def name(self) -> str:
        """See core.ports.LocalRuntime."""
        return "vllm"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        rows = await self._rows()
        return [] if await self._is_sleeping() else [_running(row) for row in rows]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime."""
        row = await self._row(model)
        if await self._is_sleeping():
            answer = await self.api.post("/wake_up", within_s=self.api.patience.load_s)
            if not answer.is_good:
                raise self.api.refused(f"wake {model}", answer, "Free memory on its card, or start it anew.")

            async def is_awake() -> bool:
                return not await self._is_sleeping()

            await self.api.until(is_awake, self.api.patience.load_s, f"{model} did not wake")
        return _running(row)

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime."""
        await self._row(model)
        sleeping = await self._is_sleeping()
        if sleeping:
            return
        if sleeping is None:
            raise RuntimeUnavailable(f"{self.api.place} holds {model} as long as it runs.", hint=_NO_SLEEP)
        answer = await self.api.post(_SLEEP, within_s=self.api.patience.unload_s)
        if not answer.is_good:
            raise self.api.refused(f"put {model} to sleep", answer, _NO_SLEEP)

        async def is_asleep() -> bool:
            return bool(await self._is_sleeping())

        await self.api.until(is_asleep, self.api.patience.unload_s, f"{model} was not put to sleep")

    async def can_unload(self) -> bool:
        """Whether it can sleep."""
        return await self._is_sleeping() is not None

    async def _is_sleeping(self) -> bool | None:
        """None where it cannot sleep."""
        answer = await self.api.get("/is_sleeping")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if not answer.is_good:
            raise self.api.refused("say whether it sleeps", answer)
        return answer.fields.get("is_sleeping") is True

    async def _rows(self) -> list[Mapping[str, Json]]:
        answer = await self.api.get("/v1/models")
        if not answer.is_good:
            raise self.api.refused("list its models", answer)
        return list(rows_of(answer, "data"))

    async def _row(self, model: str) -> Mapping[str, Json]:
        rows = await self._rows()
        row = next((row for row in rows if text_in(row, "id") == model), None)
        if row is None:
            names = ", ".join(text_in(row, "id") for row in rows) or "none"
            raise RuntimeUnavailable(f"{self.api.place} does not serve {model}.", hint=f"It serves: {names}.")
        return row


def _running(row: Mapping[str, Json]) -> Running:
    return Running(model=text_in(row, "id"), context_tokens=number_in(row, "max_model_len"))
