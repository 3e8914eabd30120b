"""Rounds: each target started, loaded cell by cell and stopped, the targets taking turns; nothing is printed here."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import load
import processes
from targets import MOCK_COMMAND, Setup, Target, TargetMissingError

START_TIMEOUT_S = 120.0
POLL_S = 0.02
WARM_UP = load.Cell(name="warm-up", title="warm-up", prompt_bytes=1024, connections=8)


class NotStartedError(Exception):
    """A target ended, or gave no answer in time; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure."""

    targets: Sequence[Target]
    cells: Sequence[load.Cell]
    rounds: int
    seconds: float
    litellm_version: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One cell of one target in one round; *problem* is empty when every answer was right.

    Latencies are those of the *answered* requests; with none answered in time they are 0.
    """

    answered: int = 0
    cpu_us_per_request: float = 0.0
    requests_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    problem: str = ""


@dataclass(slots=True)
class Record:
    """All that was seen of one target; *missing* says why nothing was."""

    target: Target
    version: str = ""
    missing: str = ""
    start_s: list[float] = field(default_factory=list)
    peak_rss_mb: list[float] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def median(self, cell: str, value: Callable[[Sample], float]) -> float | None:
        """The median of *value* over the rounds; None when the cell was not measured or any round had a problem."""
        samples = self.samples.get(cell, [])
        if not samples or self.problem(cell):
            return None
        return statistics.median(map(value, samples))

    def problem(self, cell: str) -> str:
        """What went wrong in *cell*, first round first; empty when nothing did."""
        return next((sample.problem for sample in self.samples.get(cell, []) if sample.problem), "")


def _tail(log: Path) -> str:
    """The last lines of *log*, without this machine's folders in them."""
    text = log.read_text(errors="replace").strip()
    for folder, name in ((sys.prefix, "ENV"), (str(log.parent), "TEMP"), (str(Path.cwd()), ".")):
        text = text.replace(folder, name)
    return " | ".join(text.splitlines()[-3:])[-400:]


def _wait_ready(process: subprocess.Popen[bytes], port: int, *, model: str, key: str, log: Path) -> None:
    """Return at the first right answer."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            load.probe(port, WARM_UP, model=model, key=key)
        except (OSError, HTTPException, load.BadAnswerError) as error:
            if process.poll() is not None:
                raise NotStartedError(f"ended with status {process.returncode}: {_tail(log)}") from error
            if time.monotonic() > deadline:
                raise NotStartedError(f"not ready after {START_TIMEOUT_S:.0f} s ({error}): {_tail(log)}") from error
            time.sleep(POLL_S)
        else:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A target that answers, and whom to ask how many completions the mock has served."""

    target: Target
    pid: int
    port: int
    mock_port: int
    folder: Path
    load_cpus: str
    key: str

    def sample(self, cell: load.Cell, seconds: float) -> Sample:
        """Load the target with *cell*; a target that breaks under it gives a sample with a problem."""
        try:
            load.probe(self.port, cell, model=self.target.model, key=self.key)
            return self._load(cell, seconds)
        except (OSError, HTTPException, load.BadAnswerError) as error:
            return Sample(problem=str(error))

    def _load(self, cell: load.Cell, seconds: float) -> Sample:
        """CPU time is shared among the requests that reached the mock, those cut off at the end included."""
        body_file = self.folder / f"{cell.name}.json"
        body_file.write_bytes(cell.body(self.target.model))
        cpu_before = processes.settled_cpu_seconds(self.pid)
        served_before = load.completions_served(self.mock_port)
        seen = load.send(self.port, cell, key=self.key, body_file=body_file, seconds=seconds, cpus=self.load_cpus)
        cpu_s = processes.settled_cpu_seconds(self.pid) - cpu_before
        served = load.completions_served(self.mock_port) - served_before
        problem = ", ".join(f"{count} {kind} errors" for kind, count in seen.errors.items())
        if not problem and served < max(1, seen.requests):
            problem = f"{seen.requests} answers, but only {served} requests reached the mock"
        return Sample(
            answered=seen.requests,
            cpu_us_per_request=cpu_s * 1e6 / max(1, served),
            requests_per_s=seen.requests / seen.elapsed_s,
            p50_ms=seen.p50_ms,
            p99_ms=seen.p99_ms,
            problem=problem,
        )


def _one_round(record: Record, plan: Plan, cores: processes.Cores) -> None:
    """Start *record*'s target in front of a fresh mock, run every cell, stop both."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pointsman-bench-")))
        mock_port, port = processes.free_port(), processes.free_port()
        is_direct = record.target.is_mock
        setup = Setup(mock_port=mock_port, port=port, folder=folder, key=plan.key, litellm_version=plan.litellm_version)
        command = record.target.command(setup)
        if not is_direct:
            mock_log = folder / "mock.log"
            mock = stack.enter_context(
                processes.running([*MOCK_COMMAND, str(mock_port)], cpus=cores.rest, cwd=folder, log=mock_log)
            )
            _wait_ready(mock, mock_port, model="mock", key=plan.key, log=mock_log)
        log = folder / "target.log"
        began = time.perf_counter()
        process = stack.enter_context(processes.running(command, cpus=cores.gateway, cwd=folder, log=log))
        _wait_ready(process, port, model=record.target.model, key=plan.key, log=log)
        record.start_s.append(time.perf_counter() - began)
        started = Started(
            target=record.target,
            pid=process.pid,
            port=port,
            mock_port=port if is_direct else mock_port,
            folder=folder,
            load_cpus=cores.rest,
            key=plan.key,
        )
        started.sample(WARM_UP, 1)
        for cell in plan.cells:
            record.samples.setdefault(cell.name, []).append(started.sample(cell, plan.seconds))
        record.peak_rss_mb.append(processes.peak_rss_mb(process.pid))


def measure(plan: Plan, *, cores: processes.Cores, progress: Callable[[str], None]) -> list[Record]:
    """Every target in every round, in turns; a target that can't run is recorded as missing, the others go on."""
    records = [Record(target=target) for target in plan.targets]
    for number in range(1, plan.rounds + 1):
        for record in records:
            if record.missing:
                continue
            progress(f"round {number} of {plan.rounds}: {record.target.name}")
            try:
                _one_round(record, plan, cores)
            except (TargetMissingError, NotStartedError) as error:
                record.missing = str(error)
                progress(f"  {record.target.name} left out: {error}")
    for record in records:
        if not record.missing:
            record.version = record.target.version(plan.litellm_version)
    return records
