"""One of two upstreams dies under load and comes back: what the callers of a real gateway see of it.

python bench/outage/run.py [--quick] [--callers N] [--layout pool] [--layout fallback]

Two model servers, `pointsman serve` before them, and callers that ask all the time. One server is killed (SIGKILL, so
connections are refused) and started again later.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import datetime as dt
import importlib.metadata
import os
import platform
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import report
from callers import Outcome, call

HERE = Path(__file__).parent
BENCHMARKS = HERE.parents[1] / "BENCHMARKS.md"
sys.path.insert(0, str(HERE.parent / "gateway"))

import processes  # noqa: E402  the gateway benchmark's

POOL = """\
models:
  - {{name: m, model: openai/m, base_url: "http://127.0.0.1:{a}/v1", api_key: none}}
  - {{name: m, model: openai/m, base_url: "http://127.0.0.1:{b}/v1", api_key: none}}
"""
FALLBACK = """\
models:
  - {{name: spare, model: openai/m, base_url: "http://127.0.0.1:{a}/v1", api_key: none}}
  - {{name: m, model: openai/m, base_url: "http://127.0.0.1:{b}/v1", api_key: none}}
fallbacks: {{m: [spare]}}
"""
LAYOUTS = {"pool": ("Two deployments of one model", POOL), "fallback": ("A model and its fallback", FALLBACK)}
LEDGER = "ledger: {{path: {folder}/ledger.db}}\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds from the start of the load; the first two are for warming up."""

    kill: float
    restart: float
    end: float

    def phases(self) -> tuple[report.Phase, ...]:
        """Before, during, after."""
        return (
            report.Phase(name="both up", from_s=2.0, to_s=self.kill),
            report.Phase(name="B down", from_s=self.kill, to_s=self.restart),
            report.Phase(name="B back", from_s=self.restart, to_s=self.end),
        )


FULL = Times(kill=10.0, restart=25.0, end=60.0)
QUICK = Times(kill=5.0, restart=10.0, end=25.0)


def _ready(port: int) -> None:
    """Return when somebody listens on *port*."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


@contextmanager
def _upstream(port: int, name: str, cpus: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(HERE / "upstream.py"), "--port", str(port), "--name", name]
    with processes.running(command, cpus=cpus, cwd=folder, log=folder / f"{name}.log") as process:
        _ready(port)
        yield process


def measure(layout: str, callers: int, times: Times) -> list[Outcome]:
    """Start everything, load it, kill and restart B on the way."""
    cores = processes.Cores.plan()
    a, b, port = (processes.free_port() for _ in range(3))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pointsman-outage-")))
        config = folder / "pointsman.yaml"
        config.write_text((LAYOUTS[layout][1] + LEDGER).format(a=a, b=b, folder=folder), encoding="utf-8")
        stack.enter_context(_upstream(a, "A", cores.rest, folder))
        dying = stack.enter_context(_upstream(b, "B", cores.rest, folder))
        command = [sys.executable, "-m", "pointsman", "serve", "--config", str(config), "--port", str(port)]
        stack.enter_context(processes.running(command, cpus=cores.gateway, cwd=folder, log=folder / "gateway.log"))
        _ready(port)

        async def outage(began: float) -> None:
            await asyncio.sleep(began + times.kill - time.monotonic())
            dying.kill()
            await asyncio.sleep(began + times.restart - time.monotonic())
            await asyncio.to_thread(stack.enter_context, _upstream(b, "B", cores.rest, folder))

        async def loaded() -> list[Outcome]:
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                group.create_task(outage(began))
                seen = group.create_task(call(port, "m", callers, times.end, began))
            return seen.result()

        return asyncio.run(loaded())


def _facts(callers: int, arguments: Sequence[str]) -> str:
    command = shlex.join(["python", "bench/outage/run.py", *arguments])
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    version, cpus = importlib.metadata.version("pointsman"), len(os.sched_getaffinity(0))
    return (
        f"{date}; Pointsman {version}, Python {platform.python_version()}, {cpus} CPUs; load average at the start "
        f"{os.getloadavg()[0]:.2f}. {callers} callers, every second one streams. Answers take 200 ms, streams 100 ms "
        f"to the first of eight pieces.\n\n`{command}`"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/outage/run.py", description="An outage under load.")
    parser.add_argument("--quick", action="store_true", help="25 s each instead of 60; BENCHMARKS.md is left alone")
    parser.add_argument("--callers", type=int, default=200, help="at once (default %(default)s)")
    parser.add_argument("--layout", choices=list(LAYOUTS), action="append", help="all of them if not given")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write BENCHMARKS.md after a full run; 0 when the aims are met."""
    options = _parser().parse_args(arguments)
    times = QUICK if options.quick else FULL
    parts, is_met = [_facts(options.callers, arguments)], True
    phases = times.phases()
    for layout in options.layout or LAYOUTS:
        outcomes = measure(layout, options.callers, times)
        found = report.verdict(outcomes, *phases)
        is_met = is_met and found.is_met
        parts.append(f"### {LAYOUTS[layout][0]}\n\n{report.markdown(outcomes, phases, found)}")
    text = "\n\n".join(parts)
    print(text)
    if not options.quick:
        report.place(BENCHMARKS, text)
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
