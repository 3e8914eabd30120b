"""Child processes of the benchmark: started, pinned, measured through /proc, and ended by pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Which CPUs the gateway and everything else run on; empty when pinning is not possible."""

    gateway: str
    rest: str

    @classmethod
    def plan(cls) -> Cores:
        """The first CPU for the gateway, the others for mock and load; no pinning on one CPU or without `taskset`."""
        available = sorted(os.sched_getaffinity(0))
        if len(available) < 2 or shutil.which("taskset") is None:
            return cls(gateway="", rest="")
        return cls(gateway=str(available[0]), rest=",".join(map(str, available[1:])))


def pinned(command: Sequence[str], cpus: str) -> list[str]:
    """*command* restricted to *cpus* (a taskset list), or as it is when *cpus* is empty."""
    return ["taskset", "--cpu-list", cpus, *command] if cpus else list(command)


def free_port() -> int:
    """A TCP port nobody listens on at 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name (state, ppid, …); raises OSError when it is gone."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def process_tree(root: int) -> list[int]:
    """*root* and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat_fields(int(entry.name))[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, ()))
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time of *root* and its descendants, ended and waited-for children included (10 ms steps)."""
    ticks = 0
    for pid in process_tree(root):
        try:
            ticks += sum(map(int, _stat_fields(pid)[11:15]))
        except OSError:
            continue
    return ticks / TICKS_PER_S


def peak_rss_mb(root: int) -> float:
    """Peak resident memory in MB (10^6 bytes), summed over *root* and its living descendants."""
    kibibytes = 0
    for pid in process_tree(root):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        kibibytes += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return kibibytes * 1024 / 1e6


def settled_cpu_seconds(root: int, *, limit_s: float = 15.0, quiet_s: float = 0.15) -> float:
    """CPU time once the tree has come to rest (under 10 % of a core for *quiet_s*), or after *limit_s*.

    Requests under way when the load stopped are paid for by then, and the next cell starts with an idle process.
    """
    deadline = time.monotonic() + limit_s
    before = cpu_seconds(root)
    while time.monotonic() < deadline:
        time.sleep(quiet_s)
        now = cpu_seconds(root)
        if now - before <= 0.1 * quiet_s:
            return now
        before = now
    return before


def _alive(pid: int) -> bool:
    try:
        return _stat_fields(pid)[0] != "Z"
    except OSError:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def stop(process: subprocess.Popen[bytes]) -> None:
    """End *process* and what it started: SIGTERM to it, then SIGKILL by pid to whatever is left after 5 s."""
    tree = process_tree(process.pid) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in tree[1:]:
        if _alive(pid):
            _signal(pid, signal.SIGKILL)


@contextmanager
def running(command: Sequence[str], *, cpus: str, cwd: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """*command* on *cpus*, its output in *log*, ended on the way out, an interrupt included.

    It gets its own session, so that Ctrl-C reaches only the benchmark, which then ends its children in order.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(command, cpus),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)
