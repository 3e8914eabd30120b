"""The models that an Ollama has on its disk: listed, looked at, downloaded and removed.

Some are only names for models in the cloud: Ollama sends their requests on, so nothing that is private may go there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pointsman.adapters.http.response import Timeouts
from pointsman.adapters.runtimes.local_api import MAX_BODY_BYTES, Answer, LocalApi, number_in, rows_of, text_in
from pointsman.config.locality import is_ollama_cloud
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.local import PullProgress
from pointsman.dialects.frames import Lines
from pointsman.local.quantization import TYPES
from pointsman.local.readers import UnreadableShape, architecture_of

if TYPE_CHECKING:
    from pointsman.adapters.http.response import HttpResponse
    from pointsman.local.architecture import Architecture

FRUITLESS_TRIES: Final = 5
"""A download that has got no further for so many connections is given up."""
_SILENCE_S: Final = 300.0  # checking the digest of 40 GB says nothing for so long
_SUCCESS: Final = "success"
_ADVICE: Final = (
    (("no space left", "not enough space"), "Free disk space, then pull again: it goes on where it stopped."),
    (("file does not exist", "not found", "does not exist"), "Look for its name and tag on ollama.com/library."),
    (("newer version of ollama", "requires a newer"), "Update Ollama."),
    (("unauthorized", "access denied"), "Sign in with `ollama signin`."),
)
_AGAIN: Final = "Pull again: it goes on where it stopped."


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A model on Ollama's disk, as its list has it."""

    name: str
    size_bytes: int | None
    digest: str
    family: str
    parameters: str  # such as "7.6B"
    quantization: str
    is_remote: bool  # its requests leave the machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What Ollama knows of a model. `architecture` None: it does not tell, or it is no decoder."""

    architecture: Architecture | None
    weights_bytes: int | None
    capabilities: tuple[str, ...]
    context_tokens: int | None  # that it was made for
    is_remote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaLibrary:
    """The models of one Ollama."""

    api: LocalApi

    async def installed(self) -> Sequence[Installed]:
        """Every model it has, those in the cloud too."""
        answer = await self.api.get("/api/tags")
        if not answer.is_good:
            raise self.api.refused("list its models", answer)
        return [_installed(row) for row in rows_of(answer, "models")]

    async def show(self, model: str) -> Shown:
        """What *model* is; RuntimeUnavailable when it is not installed."""
        answer = await self.api.post("/api/show", {"model": model, "verbose": True})
        if not answer.is_good:
            raise self._missing(f"show {model}", model, answer)
        return shown(model, answer.fields)

    async def remove(self, model: str) -> None:
        """Delete *model* from the disk, and unload it."""
        answer = await self.api.call("DELETE", "/api/delete", {"model": model})
        if not answer.is_good:
            raise self._missing(f"remove {model}", model, answer)

    def _missing(self, doing: str, model: str, answer: Answer) -> RuntimeUnavailable:
        is_missing = answer.status == HTTPStatus.NOT_FOUND
        return self.api.refused(doing, answer, "`ollama list` shows the installed models." if is_missing else None)

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Download *model*, telling how far it is; a broken connection is taken up again where it stopped.

        RuntimeUnavailable when there is no such model, no space, or no getting further.
        """
        download, fruitless, furthest = Download(), 0, 0
        while True:
            broken: RuntimeUnavailable | None = None
            try:
                async for line in self._pull_lines(model):
                    yield download.take(line)
            except RuntimeUnavailable as error:
                broken = error
            if download.is_over:
                return
            fruitless = 0 if download.done_bytes > furthest else fruitless + 1
            furthest = max(furthest, download.done_bytes)
            if not download.may_go_on or fruitless >= FRUITLESS_TRIES:
                raise broken or self._failed(model, download.trouble or "the connection ended early")
            await asyncio.sleep(self.api.patience.every_s)

    def _failed(self, model: str, trouble: str) -> RuntimeUnavailable:
        hint = next((advice for words, advice in _ADVICE if any(word in trouble.lower() for word in words)), _AGAIN)
        return RuntimeUnavailable(f"{self.api.place} could not pull {model}: {trouble.rstrip('.')}.", hint=hint)

    async def _pull_lines(self, model: str) -> AsyncIterator[Mapping[str, Json]]:
        timeouts = Timeouts(connect_s=2.0, first_byte_s=_SILENCE_S, idle_s=_SILENCE_S)
        async with self.api.opened("POST", "/api/pull", {"model": model}, timeouts=timeouts) as response:
            if response.status != HTTPStatus.OK:
                yield {"error": await _complaint(response)}
                return
            lines = Lines()
            async for piece in response.chunks():
                for line in lines.feed(piece):
                    yield _object(line)


class Download:
    """How far a download is, over its layers and connections: a model is one large file and some small ones."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self.is_over = False
        self.has_begun = False
        self.trouble: str | None = None

    @property
    def done_bytes(self) -> int:
        """Of all layers."""
        return sum(self._done.values())

    @property
    def may_go_on(self) -> bool:
        """Whether another try may get over what ended the last one: the network's trouble, once there was progress."""
        words = ("timeout", "connection reset", "unexpected eof", "max retries", "i/o", "temporarily", "tls handshake")
        is_passing = self.trouble is None or any(word in self.trouble.lower() for word in words)
        return self.has_begun and is_passing

    def take(self, line: Mapping[str, Json]) -> PullProgress:
        """What *line* of Ollama's answer makes of it."""
        self.trouble = text_in(line, "error") or None
        status = text_in(line, "status")
        self.has_begun = self.has_begun or bool(status)
        self.is_over = status == _SUCCESS
        layer, total = text_in(line, "digest"), number_in(line, "total")
        if layer and total is not None:
            self._total[layer] = total
            self._done[layer] = number_in(line, "completed") or self._done.get(layer, 0)
        total_bytes = sum(self._total.values()) or None
        return PullProgress(status=status or "interrupted", done_bytes=self.done_bytes, total_bytes=total_bytes)


def _installed(row: Mapping[str, Json]) -> Installed:
    details = row.get("details")
    details = details if isinstance(details, Mapping) else {}
    name = text_in(row, "name", "model")
    return Installed(
        name=name,
        size_bytes=number_in(row, "size"),
        digest=text_in(row, "digest"),
        family=text_in(details, "family"),
        parameters=text_in(details, "parameter_size"),
        quantization=text_in(details, "quantization_level"),
        is_remote=is_remote(name, row),
    )


def is_remote(name: str, told: Mapping[str, Json]) -> bool:
    """Whether Ollama sends *name*'s requests away: by the name, or by what its list or `/api/show` *told* of it."""
    return is_ollama_cloud(name) or bool(text_in(told, "remote_host", "remote_model"))


def shown(model: str, told: Mapping[str, Json]) -> Shown:
    """What `/api/show` *told* of *model*; its tensors give the exact bytes of the weights and the vocabulary."""
    info, names = told.get("model_info"), told.get("capabilities")
    metadata = info if isinstance(info, Mapping) else {}
    weights, vocabulary = _tensors(told.get("tensors"))
    try:
        shape = architecture_of(metadata, vocabulary=vocabulary)
    except UnreadableShape:
        shape = None
    family = text_in(metadata, "general.architecture")
    return Shown(
        architecture=shape,
        weights_bytes=weights,
        capabilities=tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
        context_tokens=number_in(metadata, f"{family}.context_length"),
        is_remote=is_remote(model, told),
    )


def _tensors(table: Json) -> tuple[int | None, int | None]:
    """Bytes of all tensors, and tokens of the vocabulary; None for what *table* does not tell."""
    weights, vocabulary = 0, None
    for row in table if isinstance(table, Sequence) and not isinstance(table, str) else ():
        shape = row.get("shape") if isinstance(row, Mapping) else None
        kind = TYPES.get(text_in(row, "type")) if isinstance(row, Mapping) else None
        if not isinstance(row, Mapping) or not isinstance(shape, list) or kind is None:
            return None, vocabulary
        lengths = [length for length in shape if isinstance(length, int)]
        elements = 1
        for length in lengths:
            elements *= length
        weights += kind.size_bytes(elements)
        if text_in(row, "name") == "token_embd.weight":
            vocabulary = max(lengths, default=None)
    return weights or None, vocabulary


def _object(line: bytes) -> Mapping[str, Json]:
    try:
        found: Json = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


async def _complaint(response: HttpResponse) -> str:
    data = await response.read(MAX_BODY_BYTES)
    fields: JsonObject = dict(_object(data))
    return Answer(status=response.status, value=fields, text=data.decode("utf-8", "replace")).complaint
