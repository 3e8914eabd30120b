"""A router at work in a thread of its own, so that Ctrl-C at the keyboard stops one answer and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pointsman.bootstrap import embedded_models, open_router

if TYPE_CHECKING:
    from pointsman.config.load import Loaded
    from pointsman.engine.router import Router

Resource = TypeVar("Resource")
Result = TypeVar("Result")
STOP_S = 5.0  # for a cancelled answer to let go of its connection


class LoopThread(Generic[Resource]):
    """Keeps an async resource open on a loop in a thread; `run` works with it from the thread a person types in."""

    def __init__(self, open_resource: Callable[[], AbstractAsyncContextManager[Resource]]) -> None:
        self._open_resource = open_resource
        self._opened: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, Resource]] = Future()
        self._errands: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="pointsman-router", daemon=True)

    def __enter__(self) -> LoopThread[Resource]:
        self._thread.start()
        self._opened.result()
        return self

    def __exit__(self, *_: object) -> None:
        loop, over, _resource = self._opened.result()
        loop.call_soon_threadsafe(over.set)
        self._thread.join(STOP_S)

    @property
    def resource(self) -> Resource:
        """What is open."""
        return self._opened.result()[2]

    def run(self, work: Callable[[Resource], Coroutine[Any, Any, Result]]) -> Result:
        """The result of *work*, whose errands for `in_front` are done here meanwhile.

        KeyboardInterrupt, and whatever an errand raises, cancels it, waits until it has let go, and goes on.
        """
        loop, _, resource = self._opened.result()
        is_over = threading.Event()
        errands = self._errands = SimpleQueue()
        future = asyncio.run_coroutine_threadsafe(_marked(work(resource), is_over), loop)
        future.add_done_callback(lambda _: errands.put(None))
        try:
            while (errand := errands.get()) is not None:
                errand()
            return future.result()
        except BaseException:
            future.cancel()
            is_over.wait(STOP_S)
            raise

    async def in_front(self, errand: Callable[[], Result]) -> Result:
        """The result of *errand*, done in the thread that `run`s: the one a person types in. Its errors end the run."""
        done: Future[Result] = Future()

        def do() -> None:
            if done.set_running_or_notify_cancel():
                done.set_result(errand())

        self._errands.put(do)
        return await asyncio.wrap_future(done)

    async def _live(self) -> None:
        over = asyncio.Event()
        try:
            async with self._open_resource() as resource:
                self._opened.set_result((asyncio.get_running_loop(), over, resource))
                await over.wait()
        except Exception as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)


@contextmanager
def router_session(loaded: Loaded, say: Callable[[str], None]) -> Iterator[LoopThread[Router]]:
    """A router that calls models, its GGUF models started, its ledger open."""
    with (
        embedded_models(loaded, say) as addresses,
        LoopThread(lambda: open_router(loaded, embedded=addresses)) as session,
    ):
        yield session


async def _marked(work: Coroutine[Any, Any, Result], is_over: threading.Event) -> Result:
    try:
        return await work
    finally:
        is_over.set()
