"""llama.cpp's server: with one model, which it holds as long as it runs, or as a router over many.

status of a model (router)  presence
unloaded, downloading       absent
loading                     loading
loaded                      loaded
sleeping                    absent: its memory is given back, and a request wakes it
unloaded and failed         absent; a load that waits for it ends with the exit code

Only paths that do not wake a sleeping model are asked: /models and /props.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from pointsman.adapters.runtimes.local_api import LocalApi, number_in, rows_of, text_in
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json
from pointsman.core.local import Presence, Running

TITLE: Final = "llama-server"
START: Final = "Start it: `llama-server --models-dir FOLDER` for many models, `llama-server -m FILE` for one."
_PRESENCES: Final = MappingProxyType({"loading": Presence.LOADING, "loaded": Presence.LOADED})
_ROUTER: Final = "Start it without -m to have it load and unload models."


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaServerRuntime:
    """One llama-server."""

    api: LocalApi

    @property
    def name(self) -> str:
        """See core.ports.LocalRuntime."""
        return "llama-server"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        return [await self._running(row) for row in await self._rows() if _presence(row) is not Presence.ABSENT]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime."""
        row = await self._row(model)
        if _presence(row) is Presence.ABSENT:
            if "status" not in row:  # one model, asleep: any request wakes it
                return await self._woken(model)
            answer = await self.api.post("/models/load", {"model": model})
            if not answer.is_good:
                raise self.api.refused(f"load {model}", answer)

        async def is_there() -> bool:
            now = await self._row(model)
            status = _status(now)
            if status.get("failed"):
                code = number_in(status, "exit_code")
                message = f"{self.api.place} could not load {model}: its process ended with exit code {code}."
                raise RuntimeUnavailable(message, hint="Its log says why; too little memory is the usual cause.")
            return _presence(now) is Presence.LOADED

        await self.api.until(is_there, self.api.patience.load_s, f"{model} was not loaded")
        return await self._running(await self._row(model))

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime. The router ends the model's process, at once if that does not end in 10 s."""
        row = await self._row(model)
        if "status" not in row:
            message = f"{self.api.place} holds one model, {model}, as long as it runs."
            raise RuntimeUnavailable(message, hint=f"{_ROUTER} Or let it sleep by --sleep-idle-seconds.")
        if _status(row).get("value") == "unloaded":
            return
        answer = await self.api.post("/models/unload", {"model": model})
        if not answer.is_good:
            raise self.api.refused(f"unload {model}", answer)

        async def is_gone() -> bool:
            return _status(await self._row(model)).get("value") == "unloaded"

        await self.api.until(is_gone, self.api.patience.unload_s, f"{model} was not unloaded")

    async def can_unload(self) -> bool:
        """Whether it is a router."""
        rows = await self._rows()
        return not (len(rows) == 1 and "status" not in rows[0])

    async def _woken(self, model: str) -> Running:
        body: dict[str, Json] = {"model": model, "prompt": " ", "n_predict": 1}
        answer = await self.api.post("/completion", body, within_s=self.api.patience.load_s)
        if not answer.is_good:
            raise self.api.refused(f"wake {model}", answer)
        return await self._running(await self._row(model))

    async def _rows(self) -> list[Mapping[str, Json]]:
        answer = await self.api.get("/models")
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise self.api.refused("say what it holds", answer, "It is loading its model: try again when it has.")
        if not answer.is_good:
            raise self.api.refused("say what it holds", answer)
        rows = [row for row in rows_of(answer, "data") if text_in(row, "id")]
        if len(rows) == 1 and "status" not in rows[0]:
            return [{**(await self.api.get("/props")).fields, **rows[0]}]
        return rows

    async def _row(self, model: str) -> Mapping[str, Json]:
        rows = await self._rows()
        if len(rows) == 1 and "status" not in rows[0]:
            return {**rows[0], "id": model}  # with one model it takes any name for it
        row = next((row for row in rows if model in _names(row)), None)
        if row is None:
            names = ", ".join(text_in(row, "id") for row in rows) or "none"
            raise RuntimeUnavailable(f"{self.api.place} has no model {model}.", hint=f"It has: {names}.")
        return row

    async def _running(self, row: Mapping[str, Json]) -> Running:
        model, presence, status = text_in(row, "id"), _presence(row), _status(row)
        props: Mapping[str, Json] = row
        if presence is Presence.LOADED and "status" in row:  # a router tells these of the model's own process
            props = (await self.api.get(f"/props?model={quote(model, safe='')}&autoload=false")).fields
        usual, progress = props.get("default_generation_settings"), status.get("progress")
        value = progress.get("value") if isinstance(progress, Mapping) else None
        return Running(
            model=model,
            presence=presence,
            context_tokens=number_in(usual if isinstance(usual, Mapping) else {}, "n_ctx"),
            slots=number_in(props, "total_slots"),
            progress=float(value) if isinstance(value, (int, float)) and presence is Presence.LOADING else None,
        )


def _names(row: Mapping[str, Json]) -> set[str]:
    """What a model may be called: its id and its aliases."""
    aliases = row.get("aliases")
    others = (name for name in aliases if isinstance(name, str)) if isinstance(aliases, list) else ()
    return {text_in(row, "id"), *others}


def _status(row: Mapping[str, Json]) -> Mapping[str, Json]:
    status = row.get("status")
    return status if isinstance(status, Mapping) else {}


def _presence(row: Mapping[str, Json]) -> Presence:
    if "status" in row:
        return _PRESENCES.get(text_in(_status(row), "value"), Presence.ABSENT)
    return Presence.ABSENT if row.get("is_sleeping") is True else Presence.LOADED
