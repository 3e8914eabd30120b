"""An endpoint without a network: it demands an Egress like a real one and answers as its script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NoReturn

from pointsman.core.catalog import Endpoint
from pointsman.core.errors import AttemptFailed
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.ports import Egress, UpstreamCall
from pointsman.privacy.gate import require


@dataclass(frozen=True, slots=True, kw_only=True)
class Fails:
    """In place of an answer, or in the middle of one: AttemptFailed with this failure."""

    kind: FailureKind = FailureKind.TRANSIENT
    message: str = "connection refused"
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None

    def error(self, model: str, endpoint: str) -> AttemptFailed:
        """The error an adapter would raise for a call of *model* at *endpoint*."""
        return AttemptFailed(
            Failure(
                kind=self.kind,
                model=model,
                endpoint=endpoint,
                message=self.message,
                status=self.status,
                code=self.code,
                retry_after_s=self.retry_after_s,
            )
        )


@dataclass(frozen=True, slots=True)
class Hangs:
    """Nothing comes any more, until the caller is cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A status and a body in `chunks`; `then` is what happens behind the last of them instead of a proper end."""

    chunks: tuple[bytes, ...] = ()
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    then: Fails | Hangs | BaseException | None = None


Scripted = Answers | Fails | Hangs | BaseException


@dataclass(slots=True, kw_only=True)
class FakeResponse:
    """An answer under way. `closed` counts the calls of `aclose`; `n_taken` the chunks that were read."""

    script: Answers
    model: str
    endpoint: str
    closed: int = 0
    n_taken: int = 0

    @property
    def status(self) -> int:
        """See core.ports.UpstreamResponse."""
        return self.script.status

    def header(self, name: str) -> str | None:
        """See core.ports.UpstreamResponse."""
        return dict(self.script.headers).get(name)

    async def read(self, max_bytes: int) -> bytes:
        """See core.ports.UpstreamResponse."""
        body = b"".join([data async for data in self.chunks()])
        if len(body) > max_bytes:
            raise Fails(message="the body is too long").error(self.model, self.endpoint)
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """See core.ports.UpstreamResponse."""
        for data in self.script.chunks:
            await asyncio.sleep(0)
            self.n_taken += 1
            yield data
        if self.script.then is not None:
            await _happens(self.script.then, self.model, self.endpoint)

    async def aclose(self) -> None:
        """See core.ports.UpstreamResponse."""
        self.closed += 1


@dataclass(slots=True)
class FakeProvider:
    """Gives *script*'s answers in order, the last one for ever; keeps the calls and the responses."""

    endpoint: Endpoint
    script: tuple[Scripted, ...]
    calls: list[UpstreamCall] = field(default_factory=list)
    granted: list[Egress] = field(default_factory=list)
    responses: list[FakeResponse] = field(default_factory=list)

    async def send(self, egress: Egress, call: UpstreamCall) -> FakeResponse:
        """See core.ports.Provider."""
        require(egress, self.endpoint)
        now = self.script[min(len(self.calls), len(self.script) - 1)]
        self.calls.append(call)
        self.granted.append(egress)
        await asyncio.sleep(0)
        if isinstance(now, Answers):
            response = FakeResponse(script=now, model=call.model, endpoint=self.endpoint.name)
            self.responses.append(response)
            return response
        return await _happens(now, call.model, self.endpoint.name)


async def _happens(what: Fails | Hangs | BaseException, model: str, endpoint: str) -> NoReturn:
    match what:
        case Fails():
            raise what.error(model, endpoint)
        case Hangs():
            while True:
                await asyncio.get_running_loop().create_future()
        case _:
            raise what
