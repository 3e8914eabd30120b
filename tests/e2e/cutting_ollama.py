"""An Ollama that treats long prompts as the real ones do: by its age it refuses them, or cuts them and answers 200.

A token is four characters of a message's text. A model is loaded anew whenever `num_ctx` changes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.adapters.http.servers import Peer
from tests.e2e.ollama_server import CREATED, DURATIONS, NDJSON
from tests.e2e.wire import Call, Scripted, begin, finish, piece, scripted, whole

AUTOMATIC: Final = 4096
"""What it loads a model with when nobody says `num_ctx`."""
TOO_LONG: Final = "the prompt is longer than the context length currently available, increase num_ctx or shorten it"


class Age(StrEnum):
    """What a server does with a prompt that does not fit."""

    REFUSES = "refuses"  # with status 400, where `truncate` is false
    DROPS = "drops"  # the oldest messages but the system's, whatever `truncate` says
    SHIFTS = "shifts"  # keeps about half of the window for the prompt, and room to go on


@dataclass(slots=True)
class CuttingOllama:
    """One such server with one model."""

    age: Age
    server: Scripted = field(default_factory=Scripted)
    loads: list[int] = field(default_factory=list)  # every window the model was loaded with
    seen: list[list[str]] = field(default_factory=list)  # the texts that the model read
    may_end: asyncio.Event = field(default_factory=asyncio.Event)  # streams wait for it before their last line

    def __post_init__(self) -> None:
        """Nothing to wait for."""
        self.may_end.set()

    async def handle(self, peer: Peer, call: Call) -> None:
        """Answer /api/chat; the list of its models is asked for at the start."""
        if call.body is None:
            await whole(peer, 200, {"models": []})
            return
        window = (call.body.get("options") or {}).get("num_ctx") or AUTOMATIC
        if self.loads[-1:] != [window]:
            self.loads.append(window)
        texts = [message["content"] for message in call.body["messages"]]
        if tokens_in(texts) > window and self.age is Age.REFUSES and call.body.get("truncate") is False:
            await whole(peer, 400, {"error": TOO_LONG})
            return
        texts, counted = self.cut(texts, call.body["messages"], window)
        self.seen.append(texts)
        await self.say(peer, call.body, counted)

    def cut(self, texts: Sequence[str], messages: Sequence[Mapping[str, Any]], window: int) -> tuple[list[str], int]:
        """What is left of the texts, and how many tokens that is."""
        half = window - (window - 4) // 2
        if tokens_in(texts) <= (half if self.age is Age.SHIFTS else window):
            return list(texts), tokens_in(texts)
        if self.age is Age.SHIFTS:
            return ["".join(texts)[-4 * half :]], half
        system = [text for text, message in zip(texts, messages, strict=True) if message["role"] == "system"]
        others = [text for text, message in zip(texts, messages, strict=True) if message["role"] != "system"]
        while len(others) > 1 and tokens_in([*system, *others]) > window:
            others.pop(0)
        left = [*system, *others]
        return left, min(tokens_in(left), window)

    async def say(self, peer: Peer, body: Mapping[str, Any], counted: int) -> None:
        """An answer in two pieces, or whole, and the counts at its end."""
        line = {"model": body["model"], "created_at": CREATED}
        end = {"done": True, "done_reason": "stop", **DURATIONS, "prompt_eval_count": counted, "eval_count": 2}
        if not body.get("stream", True):
            await whole(peer, 200, {**line, "message": {"role": "assistant", "content": "All clear."}, **end})
            return
        await begin(peer, NDJSON)
        for text in ("All", " clear."):
            await send(peer, {**line, "message": {"role": "assistant", "content": text}, "done": False})
        await self.may_end.wait()
        await send(peer, {**line, "message": {"role": "assistant", "content": ""}, **end})
        await finish(peer)


def tokens_in(texts: Sequence[str]) -> int:
    """By this server's count."""
    return sum(len(text) // 4 for text in texts)


@asynccontextmanager
async def cutting_ollama(age: Age) -> AsyncIterator[CuttingOllama]:
    """Serve it on a free port."""
    ollama = CuttingOllama(age)
    async with scripted(ollama.handle) as server:
        ollama.server = server
        yield ollama


async def send(peer: Peer, line: Mapping[str, Any]) -> None:
    """One line of a stream."""
    await piece(peer, json.dumps(line, separators=(",", ":")).encode() + b"\n")
