"""LM Studio, from 0.4: models are loaded as instances, of which a model may have several.

A request for a model that is not loaded has it loaded all the same ("just in time"), and LM Studio puts such ones out
by its own rules; what is loaded here stays until it is unloaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from pointsman.adapters.runtimes.local_api import LocalApi, number_in, rows_of, text_in
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.local import Running

TITLE: Final = "LM Studio"
START: Final = "Start its server: `lms server start`, or the Developer page of its app."
_UPDATE: Final = "Update LM Studio to 0.4 or later."
_MODELS: Final = "/api/v1/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class LmStudioRuntime:
    """One LM Studio. `context_tokens` are the windows its models are loaded with, by key; not given: its own choice."""

    api: LocalApi
    context_tokens: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """See core.ports.LocalRuntime."""
        return "lm_studio"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        return [
            _running(text_in(row, "key"), instances[0]) for row in await self._rows() if (instances := _instances(row))
        ]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime. One that is loaded is left as it is: another load would be a second instance."""
        instances = _instances(await self._row(model))
        if instances:
            return _running(model, instances[0])
        body: JsonObject = {"model": model}
        if model in self.context_tokens:
            body["context_length"] = self.context_tokens[model]
        answer = await self.api.post(f"{_MODELS}/load", body, within_s=self.api.patience.load_s)
        if not answer.is_good or text_in(answer.fields, "status") != "loaded":
            hint = "Its guardrails may find the memory too small; choose a smaller model or context."
            raise self.api.refused(f"load {model}", answer, hint)
        instances = _instances(await self._row(model))
        if not instances:
            hint = "Turn off Auto-Evict in its settings, so that it keeps more than one."
            raise RuntimeUnavailable(f"{self.api.place} has loaded {model} and put it out again.", hint=hint)
        return _running(model, instances[0])

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime. Every instance goes."""
        for instance in _instances(await self._row(model)):
            body: JsonObject = {"instance_id": text_in(instance, "id")}
            answer = await self.api.post(f"{_MODELS}/unload", body, within_s=self.api.patience.unload_s)
            if not answer.is_good and answer.status != HTTPStatus.NOT_FOUND:  # it may have gone by itself
                raise self.api.refused(f"unload {model}", answer)

        async def is_gone() -> bool:
            return not _instances(await self._row(model))

        await self.api.until(is_gone, self.api.patience.unload_s, f"{model} was not unloaded")

    async def _rows(self) -> list[Mapping[str, Json]]:
        answer = await self.api.get(_MODELS)
        if "models" not in answer.fields:  # before 0.4 it answers an unknown path with status 200
            raise self.api.refused("list its models", answer, _UPDATE)
        return list(rows_of(answer, "models"))

    async def _row(self, model: str) -> Mapping[str, Json]:
        rows = await self._rows()
        for row in rows:
            if model == text_in(row, "key") or model in {text_in(one, "id") for one in _instances(row)}:
                return row
        names = ", ".join(text_in(row, "key") for row in rows) or "none"
        raise RuntimeUnavailable(f"{self.api.place} has no model {model}.", hint=f"It has: {names}.")


def _instances(row: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    loaded = row.get("loaded_instances")
    return [one for one in loaded if isinstance(one, Mapping)] if isinstance(loaded, list) else []


def _running(model: str, instance: Mapping[str, Json]) -> Running:
    config = instance.get("config")
    config = config if isinstance(config, Mapping) else {}
    return Running(model=model, context_tokens=number_in(config, "context_length"), slots=number_in(config, "parallel"))
