"""From a name to addresses, and from addresses to the one that answers first.

A look-up runs in the loop's own threads, once for all who want the name. When it fails, or takes longer than SLOW_S,
the addresses that were found last are used if they are no older than KEEP_S: a resolver's outage is not ours.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Final, TypeVar

SLOW_S: Final = 1.0
KEEP_S: Final = 600.0
STAGGER_S: Final = 0.25  # RFC 8305: how long an address is waited for before the next is tried as well

Found = TypeVar("Found")
Addresses = Sequence[str]


@dataclass(slots=True)
class Resolver:
    """The names of one loop. Owns the look-ups that are under way."""

    loop: asyncio.AbstractEventLoop
    _last_good: dict[str, tuple[Addresses, float]] = field(default_factory=dict)
    _running: dict[str, asyncio.Task[Addresses]] = field(default_factory=dict)

    async def addresses(self, host: str, port: int) -> Addresses:
        """The numeric addresses of *host*, those to be tried first in front; gaierror when there are none."""
        if is_numeric(host):
            return (host,)
        task = self._running.get(host)
        if task is None:
            task = self._running[host] = self.loop.create_task(self._look_up(host, port))  # ended in aclose
            task.add_done_callback(functools.partial(self._done, host))
        known = self._known(host)
        done, _ = await asyncio.wait((task,), timeout=None if known is None else SLOW_S)
        if known is not None and (not done or task.cancelled() or task.exception() is not None):
            return known
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Forget the look-ups under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _done(self, host: str, task: asyncio.Task[Addresses]) -> None:
        del self._running[host]
        if not task.cancelled():
            task.exception()  # whoever asked may have left: then nobody else looks at it

    def _known(self, host: str) -> Addresses | None:
        found = self._last_good.get(host)
        return found[0] if found is not None and self.loop.time() - found[1] <= KEEP_S else None

    async def _look_up(self, host: str, port: int) -> Addresses:
        infos = await self.loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        sixes = [str(info[4][0]) for info in infos if info[0] == socket.AF_INET6]
        fours = [str(info[4][0]) for info in infos if info[0] == socket.AF_INET]
        pairs = zip_longest(sixes, fours) if infos and infos[0][0] == socket.AF_INET6 else zip_longest(fours, sixes)
        found = tuple(dict.fromkeys(one for one in chain.from_iterable(pairs) if one is not None))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        self._last_good[host] = found, self.loop.time()
        return found


def is_numeric(host: str) -> bool:
    """Whether *host* is an address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def first_of(
    addresses: Addresses, connect: Callable[[str], Coroutine[None, None, Found]], discard: Callable[[Found], None]
) -> Found:
    """What *connect* gives for the address that answers first; the last one's error when none does.

    The next address is tried when the one before fails, or has not answered for STAGGER_S ("happy eyeballs"). What
    comes too late goes to *discard*.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    waiting = list(addresses)
    running: set[asyncio.Task[Found]] = set()  # ended below
    failed: BaseException | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.get_running_loop().create_task(connect(waiting.pop(0))))
            done, running = await asyncio.wait(
                running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            good = [task for task in done if task.exception() is None]
            if good:
                running.update(good[1:])
                return good[0].result()
            failed = next(iter(done)).exception() if done else failed
        raise failed or OSError("there is no address")
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for task in running:
            if not task.cancelled() and task.exception() is None:
                discard(task.result())
