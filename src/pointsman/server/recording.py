"""One answer as it goes out, kept so that whoever asks the same again hears it from the start.

A long answer is kept up to a bound. Past it nobody can join any more; what all its listeners have heard is let go, and
the answer is made no faster than the slowest of them listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.server.slow import WHOLE

if TYPE_CHECKING:
    from pointsman.server.http import Header, Message

MAX_BYTES = 8 * 1024 * 1024
WINDOW_BYTES = 256 * 1024
MESSAGE_BYTES = 200  # what a message takes besides its body
_OK = range(200, 300)


@dataclass(slots=True, eq=False)
class Listener:
    """Somebody who hears the answer; `heard` counts messages."""

    heard: int = 0


@dataclass(slots=True, eq=False, kw_only=True)
class Recording:
    """The messages of one answer. `send` takes them, `messages` gives them."""

    max_bytes: int = MAX_BYTES
    window_bytes: int = WINDOW_BYTES
    size: int = 0
    is_over: bool = False
    is_good: bool = False  # all of it is there and says what was asked for
    is_cut: bool = False  # longer than what is kept
    error: BaseException | None = None
    listeners: set[Listener] = field(default_factory=set)
    _messages: list[Message] = field(default_factory=list)
    _gone: int = 0  # messages let go
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> None:
        """Take one message, as an ASGI server does."""
        self._messages.append(message)
        self.size += len(message.get("body", b"")) + MESSAGE_BYTES
        self.is_cut = self.is_cut or self.size > self.max_bytes
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.is_good = not self.is_cut and self._messages[0]["status"] in _OK and message.get(WHOLE, True)
        self._tell()
        while self.is_cut and self.listeners and self._waiting_bytes() > self.window_bytes:
            self._heard.clear()
            await self._heard.wait()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes, for want of an *error*."""
        self.is_over = True
        self.error = error
        self.is_good = self.is_good and error is None
        self._tell()

    async def messages(self, listener: Listener) -> AsyncIterator[Message]:
        """All from where *listener* is; what ended it at the end, if that was an error."""
        while True:
            while listener.heard < self._gone + len(self._messages):
                message = self._messages[listener.heard - self._gone]
                yield message
                listener.heard += 1
                if self.is_cut:
                    self._let_go()
            if self.is_over:
                break
            await self._news.wait()
        if self.error is not None:
            raise self.error

    def whole(self) -> tuple[int, list[Header], bytes]:
        """Status, headers and body of an answer that is good."""
        start = self._messages[0]
        body = b"".join(message.get("body", b"") for message in self._messages[1:])
        return start["status"], start["headers"], body

    def leave(self, listener: Listener) -> None:
        """*listener* hears no more."""
        self.listeners.discard(listener)
        self._heard.set()

    def _tell(self) -> None:
        """Wake whoever waits for news; the next wait is for other news."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _let_go(self) -> None:
        """Drop what everybody has heard."""
        done = min((listener.heard for listener in self.listeners), default=self._gone) - self._gone
        if done > 0:
            del self._messages[:done]
            self._gone += done
            self._heard.set()

    def _waiting_bytes(self) -> int:
        return sum(len(message.get("body", b"")) for message in self._messages)
