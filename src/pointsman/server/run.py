"""Starts the gateway: binds the port first, then serves until told to stop; SIGHUP reads the configuration again."""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import uvicorn

from pointsman.core.errors import ConfigError, PointsmanError
from pointsman.server.app import App
from pointsman.server.drain import Drain, DrainingServer
from pointsman.server.idempotency import Repeats
from pointsman.server.logs import start_logging
from pointsman.server.patience import Patience
from pointsman.server.workers import Workers

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State

log = logging.getLogger("pointsman.server")

OpenState = Callable[[], "AbstractAsyncContextManager[State]"]
"""Opens one configuration at work; called at start and again for each reload."""

BACKLOG = 2048
KEEP_ALIVE_S = 75


class ReloadingApp:
    """The ASGI application with its lifespan: opens the state, replaces it on SIGHUP, closes it at the end."""

    def __init__(self, open_state: OpenState, drain: Drain | None = None, repeats: Repeats | None = None) -> None:
        """Serve what *open_state* opens; *drain* is its server's, *repeats* outlive a reload."""
        self._open_state = open_state
        self._drain = drain or Drain()
        self._repeats = repeats or Repeats()
        self._serving: _Serving | None = None
        self._closers: set[asyncio.Task[None]] = set()  # of configurations that were replaced
        self._wanted = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or run the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._serving is not None:
            await self._serving.answer(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._serving = await self._opened()
        except PointsmanError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        _spare_the_collector()
        await send({"type": "lifespan.startup.complete"})
        async with asyncio.TaskGroup() as group:
            reloader = group.create_task(self._reload_when_asked(group))
            with _on_hangup(self._wanted.set):
                await receive()
            reloader.cancel()
            await self._repeats.aclose()
            for closer in self._closers:
                closer.cancel()
            await self._serving.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reload_when_asked(self, group: asyncio.TaskGroup) -> None:
        """Open the new state before letting go of the old one; a broken configuration leaves the old one in force.

        Answers under way end by the old one.
        """
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                fresh = await self._opened()
            except PointsmanError as error:
                log.error("reload-refused reason=%s", error)  # noqa: TRY400  a person's mistake, not a crash
                continue
            if not _has_models(fresh) and self._serving is not None and _has_models(self._serving):
                log.error("reload-refused reason=the configuration names no model any more")
                await fresh.close()  # a file that was just emptied, to be written
                continue
            old, self._serving = self._serving, fresh
            log.warning("reloaded models=%d", len(fresh.app.state.router.catalog.models))
            if old is not None:
                closer = group.create_task(old.retire())
                self._closers.add(closer)
                closer.add_done_callback(self._closers.discard)

    async def _opened(self) -> _Serving:
        stack = AsyncExitStack()
        state = await stack.enter_async_context(self._open_state())
        return _Serving(App(replace(state, drain=self._drain, repeats=self._repeats)), stack)


def _has_models(serving: _Serving) -> bool:
    return bool(serving.app.state.router.catalog.models)


class _Serving:
    """One configuration at work, and how many requests it is answering."""

    def __init__(self, app: App, stack: AsyncExitStack) -> None:
        """Answer by *app*; *stack* is what it has open."""
        self.app = app
        self._stack = stack
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_idle.set()

    async def retire(self) -> None:
        """Close once the last answer is over, or when cancelled; nothing new may come."""
        try:
            if self._under_way:
                self._is_idle.clear()
                await self._is_idle.wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close everything now."""
        await self._stack.aclose()


def _spare_the_collector() -> None:
    """Take what start-up made out of the garbage collector's sight, and let it look less often.

    A request makes some hundred objects and no circles, and the ledger holds those of a tenth of a second: the default,
    a look at every 700, finds nothing but work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on *host*:*port*; ConfigError when that cannot be."""
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        message = f"The host {host!r} has no address ({error.strerror})."
        raise ConfigError(message, hint="Use 127.0.0.1 for this machine only.", param="server.host") from error
    listener = socket.socket(info[0], info[1])
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(info[4])
        listener.listen(BACKLOG)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} on {host} is taken."
            raise ConfigError(message, hint=f"Stop what runs there, or use --port {port + 1}.") from error
        message = f"Cannot listen on {host}:{port} ({error.strerror})."
        raise ConfigError(message, hint="Choose another --host or --port.") from error
    return listener


def require_key_for_wide_bind(host: str, *, has_keys: bool) -> None:
    """ConfigError when *host* can be reached from other machines and nobody needs a key."""
    if has_keys or is_loopback(host):
        return
    message = f"Listening on {host} lets other machines in, and no key is set."
    raise ConfigError(message, hint="Set `server.master_key` (or `server.keys`), or use --host 127.0.0.1.")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Factory:
    """Makes the application in the process that serves it."""

    open_state: OpenState
    drain: Drain

    def __call__(self) -> ReloadingApp:
        start_logging()  # a worker starts without the command's
        return ReloadingApp(self.open_state, self.drain)


def serve(
    open_state: OpenState,
    listener: socket.socket,
    *,
    workers: int = 1,
    drain: Drain | None = None,
    patience: Patience | None = None,
) -> None:
    """Serve on *listener* until SIGINT or SIGTERM. With more than one worker *open_state* must be picklable."""
    drain = drain or Drain()
    config = uvicorn.Config(
        _Factory(open_state, drain),
        factory=True,
        http=(patience or Patience()).protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        log_level="warning",
        workers=workers,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    if workers > 1:
        Workers(config, sockets=[listener]).run()
        return
    DrainingServer(config, drain).run(sockets=[listener])


@contextmanager
def _on_hangup(callback: Callable[[], object]) -> Iterator[None]:
    """While inside, SIGHUP calls *callback* on the loop (in the main thread, where the platform has that signal)."""
    loop = asyncio.get_running_loop()
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop.add_signal_handler(signal.SIGHUP, callback)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@asynccontextmanager
async def running(
    open_state: OpenState,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    drain: Drain | None = None,
    repeats: Repeats | None = None,
    patience: Patience | None = None,
) -> AsyncIterator[str]:
    """A gateway inside this event loop, for programs and tests; gives its base URL."""
    listener = bind(host, port)
    drain = drain or Drain()
    config = uvicorn.Config(
        ReloadingApp(open_state, drain, repeats),
        http=(patience or Patience()).protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
    )
    server = _Quiet(config, drain)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listener]))
        await server.is_up.wait()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait((serving,))


class _Quiet(DrainingServer):
    """Leaves the process's signals alone and says when it is up."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config, drain)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
