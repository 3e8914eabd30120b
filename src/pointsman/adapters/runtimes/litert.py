"""LiteRT-LM: one engine, which holds the model of the first request until another one is asked for.

It speaks OpenAI's API or Gemini's, one request at a time, and has no path that tells whether it lives or what it holds:
a connection is the sign of life, and what it holds is what it was asked for here last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from pointsman.adapters.http.errors import ProtocolViolation
from pointsman.adapters.runtimes.local_api import Answer, LocalApi
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import JsonObject
from pointsman.core.local import Running

TITLE: Final = "LiteRT-LM"
START: Final = "Start it: `litert-lm serve --port=9379`."
_CONNECT_S: Final = 2.0


@dataclass(slots=True, kw_only=True)
class LiteRtRuntime:
    """One LiteRT-LM server; `is_gemini` says which of its two APIs it was started with."""

    api: LocalApi
    is_gemini: bool = False
    _held: str | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """See core.ports.LocalRuntime."""
        return "litert_lm"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime. The model that was loaded from here last, if the server still lives."""
        await self._is_alive()
        return [] if self._held is None else [Running(model=self._held, slots=1)]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime. Loading is answering: by one token, or as few as the Gemini API gives."""
        hint = f"`litert-lm list` shows its models, `litert-lm import` adds {model}; its log says more."
        try:
            answer = await self._asked(model)
        except RuntimeUnavailable as error:
            if not isinstance(error.__cause__, ProtocolViolation):
                raise
            # Expected: a status line. Actual: in 0.18.1 the words of an error go into it, line ends and all.
            raise RuntimeUnavailable(f"{self.api.place} could not load {model}.", hint=hint) from error
        if not answer.is_good:
            raise RuntimeUnavailable(f"{self.api.place} could not load {model} (status {answer.status}).", hint=hint)
        self._held = model
        return Running(model=model, slots=1)

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime. It cannot: its engine stays until another model is asked for, or its end."""
        if self._held != model:
            return
        try:
            await self._is_alive()
        except RuntimeUnavailable:
            self._held = None  # nothing holds it
            return
        raise RuntimeUnavailable(
            f"{self.api.place} keeps {model} until it is asked for another model.", hint="Stop it to free the memory."
        )

    async def _asked(self, model: str) -> Answer:
        if self.is_gemini:
            path = f"/v1beta/models/{quote(model, safe='')}:generateContent"
            body: JsonObject = {"contents": [{"role": "user", "parts": [{"text": "Say OK."}]}]}
        else:
            path = "/v1/chat/completions"
            body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Say OK."}]}
        return await self.api.post(path, body, within_s=self.api.patience.load_s)

    async def _is_alive(self) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(self.api.target.host, self.api.target.port)
        except (OSError, TimeoutError) as error:
            self._held = None
            raise RuntimeUnavailable(f"{self.api.place} does not answer.", hint=START) from error
        with closing(writer):
            return
