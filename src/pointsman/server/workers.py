"""The processes of a gateway with several: they end as one would, and each reads the configuration again on SIGHUP."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING, Protocol, cast

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from pointsman.server.drain import NOW, DrainingServer

if TYPE_CHECKING:
    import socket

    from pointsman.server.drain import Drain

log = logging.getLogger("pointsman.server")

WAIT_S = 0.1


class Draining(Protocol):
    """The application's factory, as far as it is of interest here."""

    @property
    def drain(self) -> Drain:
        """How it is to end."""


class _Worker(Process):
    """A worker process that drains, also when its parent is gone without a word."""

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        self.parent_conn.close()  # else the pipe would never end for the worker
        super().target(sockets)

    def always_pong(self) -> None:
        """Answer the parent; end when there is none any more: nobody else would ever end this process."""
        try:
            super().always_pong()
        except (EOFError, OSError):
            os.kill(os.getpid(), signal.SIGTERM)

    @property
    def server(self) -> DrainingServer:
        if self._server is None:
            app = cast("Draining", self.config.app)
            self._server = DrainingServer(self.config, app.drain, is_worker=True)
        return cast("DrainingServer", self._server)


class Workers(Multiprocess):
    """The worker processes: ends as one process would, and hands a hangup on to them.

    Expected of uvicorn: SIGHUP reaches the application. Actual: the workers are replaced by such that start from the
    configuration of the first start.
    """

    is_interrupted = False

    def init_processes(self) -> None:
        for _ in range(self.processes_num):
            self.processes.append(self._started())

    def _started(self) -> _Worker:
        worker = _Worker(self.config, self.sockets)
        worker.start()
        return worker

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died, by such as these: uvicorn's own would be of its own kind."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set() or process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            process.kill()
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
                return
            log.error("worker-died pid=%s code=%s", process.pid, process.exitcode)
            self.processes[place] = self._started()

    def terminate_all(self) -> None:
        """Nobody takes new connections any more: the port is closed here too, once the workers know."""
        super().terminate_all()
        for listener in self.sockets:
            listener.close()

    def join_all(self) -> None:
        """Wait for the workers; a second signal is theirs too."""
        self.signal_queue.clear()
        for process in self.processes:
            while process.process.is_alive():
                process.process.join(WAIT_S)
                if NOW is not None and not {signal.SIGINT, signal.SIGTERM}.isdisjoint(self.signal_queue):
                    self.signal_queue.clear()
                    self._end_now(NOW)
            process.join()

    def _end_now(self, number: int) -> None:
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, number)

    def handle_ttin(self) -> None:
        self.processes_num += 1
        self.processes.append(self._started())

    def run(self) -> None:
        super().run()
        if self.is_interrupted:
            raise KeyboardInterrupt
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            raise SystemExit(STARTUP_FAILURE)

    def handle_int(self) -> None:
        self.is_interrupted = True
        super().handle_int()

    def handle_hup(self) -> None:
        ready = [process.pid for process in self.processes if process.pid is not None and process.is_ready(timeout=1)]
        for pid in ready:
            os.kill(pid, signal.SIGHUP)
        if len(ready) < len(self.processes):  # one that is starting would die of it: once more at the next look
            self.signal_queue.append(signal.SIGHUP)
