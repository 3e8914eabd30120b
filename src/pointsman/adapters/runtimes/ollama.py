"""Ollama: models are loaded with the options that their requests carry, and stay as long as we say.

Ollama loads a model anew when an option that its process is started with differs (RUNNER_OPTIONS), and puts out the one
with the shortest `keep_alive` when it needs room. So a model has one `Setup`, and the pinned and small ones stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final

from pointsman.adapters.runtimes.local_api import Answer, LocalApi, number_in, rows_of, text_in
from pointsman.core.catalog import LATEST
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.local import Presence, Running

TITLE: Final = "Ollama"
START: Final = "Start it with `ollama serve`, or open its app."
RUNNER_OPTIONS: Final = frozenset(
    ("main_gpu", "num_batch", "num_ctx", "num_gpu", "num_thread", "use_mlock", "use_mmap")
)
FOR_EVER: Final = -1
"""As a `keep_alive`: until it is unloaded."""
BIG_KEEP_ALIVE: Final = "10m"
SMALL_SHARE: Final = 4
"""A model that takes no more than a fourth of the memory is small."""
_FAR_S: Final = 366 * 24 * 3600.0  # Ollama's "for ever" is a date centuries ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a model is loaded with. `options` are the very ones that its requests carry."""

    options: Mapping[str, Json] = field(default_factory=dict)
    keep_alive: int | str = BIG_KEEP_ALIVE


def runner_options(defaults: Mapping[str, Json]) -> dict[str, Json]:
    """Of the body fields *defaults* that a card's requests carry, the options that a load depends on."""
    options = defaults.get("options")
    given = options if isinstance(options, Mapping) else {}
    return {name: value for name, value in given.items() if name in RUNNER_OPTIONS and value is not None}


def keep_alive_of(*, is_pinned: bool, size_bytes: int | None, budget_bytes: int) -> int | str:
    """How long a model stays unasked: for ever if it is pinned or small, else some minutes."""
    is_small = size_bytes is not None and size_bytes * SMALL_SHARE <= budget_bytes
    return FOR_EVER if is_pinned or is_small else BIG_KEEP_ALIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaRuntime:
    """One Ollama. `names` are the names that callers use, which `running` gives back as they are written there."""

    api: LocalApi
    setup_of: Callable[[str], Setup] = lambda _model: Setup()
    names: Collection[str] = ()
    now: Callable[[], float]  # seconds since the epoch

    @property
    def name(self) -> str:
        """See core.ports.LocalRuntime."""
        return "ollama"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        answer = await self.api.get("/api/ps")
        if not answer.is_good:
            raise self.api.refused("say what it holds", answer)
        return [self._running(row) for row in rows_of(answer, "models")]

    def _running(self, row: Mapping[str, Json]) -> Running:
        full = text_in(row, "name", "model")
        until_s = _epoch(text_in(row, "expires_at"))
        stays = until_s is None or until_s - self.now() > _FAR_S
        return Running(
            model=next((name for name in self.names if same_model(name, full)), full),
            presence=Presence.LOADED,
            total_bytes=number_in(row, "size"),
            vram_bytes=number_in(row, "size_vram"),
            context_tokens=number_in(row, "context_length"),
            until_s=None if stays else until_s,
        )

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime. One that is loaded with other options is loaded anew."""
        setup = self.setup_of(model)
        body: JsonObject = {"model": model, "keep_alive": setup.keep_alive, "stream": False}
        if setup.options:
            body["options"] = dict(setup.options)
        answer = await self.api.post("/api/generate", body, within_s=self.api.patience.load_s)
        if answer.status == HTTPStatus.BAD_REQUEST and "does not support generate" in answer.complaint:
            answer = await self.api.post("/api/embed", {**body, "input": []}, within_s=self.api.patience.load_s)
        if not answer.is_good or answer.fields.get("error"):
            raise self._refused(f"load {model}", model, answer)
        found = await self._find(model)
        if found is None:
            hint = "Another program may use it: free memory, or raise OLLAMA_MAX_LOADED_MODELS."
            raise RuntimeUnavailable(f"{self.api.place} has loaded {model} and put it out again.", hint=hint)
        return found

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime. Ollama lets the model's requests end first."""
        answer = await self.api.post("/api/generate", {"model": model, "keep_alive": 0, "stream": False})
        if answer.status == HTTPStatus.NOT_FOUND:
            return  # removed meanwhile: nothing holds it
        if not answer.is_good:
            raise self._refused(f"unload {model}", model, answer)

        async def is_gone() -> bool:
            return await self._find(model) is None

        await self.api.until(is_gone, self.api.patience.unload_s, f"{model} was not unloaded")

    async def _find(self, model: str) -> Running | None:
        return next((one for one in await self.running() if same_model(one.model, model)), None)

    def _refused(self, doing: str, model: str, answer: Answer) -> RuntimeUnavailable:
        match answer.status:
            case HTTPStatus.NOT_FOUND:
                hint = f"Run `ollama pull {model}`."
            case HTTPStatus.SERVICE_UNAVAILABLE:
                hint = "Try again when it has less to do; OLLAMA_MAX_QUEUE says how many may wait."
            case HTTPStatus.INTERNAL_SERVER_ERROR if "memory" in answer.complaint.lower():
                hint = "Choose a smaller model or quantization, or a smaller num_ctx."
            case _:
                hint = f"Look into {TITLE}'s log."
        return self.api.refused(doing, answer, hint)


def same_model(one: str, other: str) -> bool:
    """Whether two of Ollama's names mean the same: it takes `qwen3` for `qwen3:latest`, in any case of letters."""
    return _full(one) == _full(other)


def _full(name: str) -> str:
    lowered = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return lowered if ":" in lowered.rpartition("/")[2] else lowered + LATEST


def _epoch(moment: str) -> float | None:
    """`2026-08-21T09:30:00.123456789+02:00` as seconds since the epoch; Go writes more digits than Python may read."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (ValueError, OverflowError):
        return None
