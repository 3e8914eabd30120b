"""Names and addresses as a test wants them: known, unknown, or never told."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import TypeAlias

Info: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]


def _answering() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Names:
    """A resolver: addresses by name, whether it answers at all, and what it was asked."""

    known: dict[str, list[str]] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=_answering)
    asked: list[str] = field(default_factory=list)

    async def look_up(self, host: str, port: int) -> list[Info]:
        """As `getaddrinfo`; addresses are their own names."""
        if host in {"127.0.0.1", "::1"}:
            return [_info(host, port)]
        self.asked.append(host)
        await self.answers.wait()
        if host not in self.known:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [_info(address, port) for address in self.known[host]]


def _info(address: str, port: int) -> Info:
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)
