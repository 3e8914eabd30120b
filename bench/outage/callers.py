"""The callers of the outage run: each asks, reads its answer to the end, thinks a moment, and asks again."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

WAIT_S = 60.0
THINK_S = 0.2  # on average
PATH = "/v1/chat/completions"
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One request. `by` is the upstream whose text came back; `problem` is empty when it came back whole.

    `started_s` counts from the run's start. `failed_attempts` are those before the answer.
    """

    started_s: float
    elapsed_ms: float
    stream: bool
    status: int
    by: str = ""
    failed_attempts: int = 0
    problem: str = ""
    text: str = ""

    @property
    def had_begun(self) -> bool:
        """Whether content had come before the problem: nobody else could go on."""
        return bool(self.text)

    @property
    def is_served(self) -> bool:
        """Whether the whole answer came."""
        return not self.problem


async def call(port: int, model: str, callers: int, seconds: float, began: float) -> list[Outcome]:
    """What *callers* saw in *seconds*; every second one wants streams. *began* is the run's start (monotonic)."""
    outcomes: list[Outcome] = []
    async with asyncio.TaskGroup() as group:
        for number in range(callers):
            caller = Caller(port=port, model=model, stream=bool(number % 2), began=began, seen=outcomes.append)
            group.create_task(caller.ask_for(seconds, random.Random(number)))
    return outcomes


@dataclass(slots=True, kw_only=True)
class Caller:
    """One caller and its connection, kept as long as it lasts."""

    port: int
    model: str
    stream: bool
    began: float
    seen: Callable[[Outcome], None]
    most_s: float = WAIT_S
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def ask_for(self, seconds: float, thinks: random.Random) -> None:
        """Ask again and again until *seconds* after the start."""
        await asyncio.sleep(thinks.uniform(0, 2 * THINK_S))
        number = 0
        while time.monotonic() - self.began < seconds:
            number += 1
            self.seen(await self.ask(f"Request {thinks.random()}-{number}: how are you?"))
            await asyncio.sleep(thinks.uniform(0, 2 * THINK_S))
        self._close()

    async def ask(self, prompt: str) -> Outcome:
        """One request, its answer read to the end."""
        started = time.monotonic()
        status, headers, body, problem = 0, dict[str, str](), b"", ""
        try:
            async with asyncio.timeout(self.most_s):
                reader = await self._send(prompt)
                status, headers = await _head(reader)
                body = await _body(reader, headers)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            problem = type(error).__name__
            self._close()
        text, complaint = _text(body, is_stream=self.stream) if status == OK else ("", _refusal(status, headers))
        return Outcome(
            started_s=started - self.began,
            elapsed_ms=(time.monotonic() - started) * 1000,
            stream=self.stream,
            status=status,
            by=text[5:6],
            failed_attempts=int(headers.get("x-pointsman-fallbacks", "0")),
            problem=problem or complaint,
            text=text,
        )

    async def _send(self, prompt: str) -> asyncio.StreamReader:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        messages = [{"role": "user", "content": prompt}]
        body = json.dumps({"model": self.model, "messages": messages, "stream": self.stream}).encode()
        head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-type: application/json\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()
        return self._reader

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(parts)


def _refusal(status: int, headers: dict[str, str]) -> str:
    wait = headers.get("retry-after")
    return f"status {status}, retry-after {wait} s" if wait else f"status {status}"


def _text(body: bytes, *, is_stream: bool) -> tuple[str, str]:
    """The answer's text, and what is wrong with it."""
    if not is_stream:
        return json.loads(body)["choices"][0]["message"]["content"] if body else "", ""
    text = ""
    for line in body.splitlines():
        if line == b"data: [DONE]":
            return text, ""
        if not line.startswith(b"data: "):
            continue
        event = json.loads(line[6:])
        if "error" in event:
            return text, "an error event"
        text += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
    return text, "no end"
