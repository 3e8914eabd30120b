"""Talking to a model server on this machine about its models: JSON over HTTP, and waiting until it has done a thing.

No prompt goes this way. Whatever goes wrong is RuntimeUnavailable, with what to do about it.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pointsman.adapters.http.errors import (
    ConnectFailed,
    ConnectTimeout,
    DeadlineExceeded,
    FirstByteTimeout,
    TransportError,
)
from pointsman.adapters.http.response import Timeouts
from pointsman.adapters.http.target import Target
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json, JsonObject

if TYPE_CHECKING:
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.http.head import Headers, Method
    from pointsman.adapters.http.response import HttpResponse
    from pointsman.core.catalog import Endpoint

MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # a vocabulary of 260,000 tokens with its merges is some 10 MB of JSON
_MAX_TOLD_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long, in seconds, a server may take."""

    answer_s: float = 10.0  # to a question
    load_s: float = 600.0  # 40 GB from a slow disk
    unload_s: float = 120.0  # a model's requests are to end first
    every_s: float = 0.2  # between two looks whether it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole answer. `value` is its JSON, None when it is none."""

    status: int
    value: Json
    text: str

    @property
    def is_good(self) -> bool:
        """Whether the status says so."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def fields(self) -> Mapping[str, Json]:
        """The JSON object; empty when the answer is none."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def complaint(self) -> str:
        """What is wrong, in the server's words: {"error": "…"}, {"error": {"message": "…"}}, or the text."""
        error = self.fields.get("error", self.fields.get("message"))
        if isinstance(error, Mapping):
            error = error.get("message")
        told = error if isinstance(error, str) and error else self.text
        return " ".join(told.split())[:_MAX_TOLD_CHARS]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalApi:
    """One server's API about its models. `title` is what people call it, `start` how it is started."""

    client: HttpClient
    target: Target  # without the version: http://127.0.0.1:11434
    title: str
    start: str
    headers: Headers = ()
    patience: Patience = field(default_factory=Patience)

    @property
    def place(self) -> str:
        """For messages: `Ollama at 127.0.0.1:11434`."""
        return f"{self.title} at {self.target.peer}"

    async def get(self, path: str) -> Answer:
        """The answer to GET *path*, whatever its status."""
        return await self.call("GET", path)

    async def post(self, path: str, body: JsonObject | None = None, *, within_s: float | None = None) -> Answer:
        """The answer to POST *path*, whatever its status."""
        return await self.call("POST", path, body, within_s=within_s)

    async def call(
        self, method: Method, path: str, body: JsonObject | None = None, *, within_s: float | None = None
    ) -> Answer:
        """One exchange, over within *within_s* seconds."""
        limit_s = within_s or self.patience.answer_s
        deadline = asyncio.get_running_loop().time() + limit_s
        timeouts = Timeouts(connect_s=min(limit_s, 2.0), first_byte_s=limit_s, idle_s=limit_s)
        async with self.opened(method, path, body, deadline=deadline, timeouts=timeouts) as response:
            data = await response.read(MAX_BODY_BYTES)
        text = data.decode("utf-8", "replace")
        try:
            value: Json = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        return Answer(status=response.status, value=value, text=text)

    @asynccontextmanager
    async def opened(
        self,
        method: Method,
        path: str,
        body: JsonObject | None = None,
        *,
        deadline: float | None = None,
        timeouts: Timeouts | None = None,
    ) -> AsyncIterator[HttpResponse]:
        """The response, to be read inside; what breaks there is RuntimeUnavailable too."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = (*self.headers, *(((b"content-type", b"application/json"),) if data else ()))
        try:
            request = self.client.request(
                method, self.target.join(path), headers, data, deadline=deadline, timeouts=timeouts
            )
            async with await request as response:
                yield response
        except TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: TransportError) -> RuntimeUnavailable:
        match error:
            case ConnectFailed() | ConnectTimeout():
                return RuntimeUnavailable(f"{self.place} does not answer.", hint=self.start)
            case DeadlineExceeded() | FirstByteTimeout():
                hint = "It may be loading a model; look into its log, or start it anew."
                return RuntimeUnavailable(f"{self.place} did not answer in time.", hint=hint)
            case _:
                return RuntimeUnavailable(f"{self.title}: {error.message}.", hint=f"Look into {self.title}'s log.")

    def refused(self, doing: str, answer: Answer, hint: str | None = None) -> RuntimeUnavailable:
        """The error for an answer that is no yes to *doing*, such as "load qwen2.5:7b"."""
        told = answer.complaint or "no reason given"
        return RuntimeUnavailable(f"{self.place} could not {doing}: {told} (status {answer.status}).", hint=hint)

    async def until(self, is_done: Callable[[], Awaitable[bool]], within_s: float, late: str) -> None:
        """Look until it *is_done*; RuntimeUnavailable saying *late* when that takes longer than *within_s*."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    if await is_done():
                        return
                    await asyncio.sleep(self.patience.every_s)
        except TimeoutError as error:
            hint = f"Look into {self.title}'s log."
            raise RuntimeUnavailable(f"{self.place}: {late} within {within_s:g} s.", hint=hint) from error


def root_of(base_url: str) -> Target:
    """The server behind an endpoint's *base_url*, which may end in its API's version."""
    return Target.parse(base_url.rstrip("/").removesuffix("/v1").removesuffix("/v1beta"))


def headers_of(endpoint: Endpoint) -> tuple[tuple[bytes, bytes], ...]:
    """What *endpoint*'s requests carry, its key included: llama-server and LM Studio may want one for all paths."""
    own = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in endpoint.headers)
    if endpoint.api_key is None:
        return own
    key = endpoint.api_key.reveal()
    value = f"Bearer {key}" if endpoint.auth == "authorization" else key
    return (*own, (endpoint.auth.value.encode("latin-1"), value.encode("latin-1")))


def rows_of(answer: Answer, *names: str) -> Iterator[Mapping[str, Json]]:
    """The objects of the first list that *answer* has under one of *names*."""
    for name in names:
        rows = answer.fields.get(name)
        if isinstance(rows, list):
            yield from (row for row in rows if isinstance(row, Mapping))
            return


def text_in(row: Mapping[str, Json], *names: str) -> str:
    """The first text that *row* has under one of *names*; empty when it has none."""
    return next((value for name in names if isinstance(value := row.get(name), str) and value), "")


def number_in(row: Mapping[str, Json], name: str) -> int | None:
    """The whole number, 0 or more, that *row* has under *name*; JSON may have Infinity there."""
    value = row.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return int(value)
    return None
