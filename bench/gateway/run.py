"""Measures what a gateway costs per request: ours, nginx and LiteLLM side by side, in turns, in one run.

python bench/gateway/run.py [--quick] [--with litellm] [--targets a,b] [--cells a,b] [--json FILE]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import report
from load import CELLS
from measure import Plan, measure
from processes import Cores
from targets import DEFAULT_TARGETS, LITELLM_TARGETS, LITELLM_VERSION, TARGETS, TargetMissingError, install_litellm

BENCHMARKS = Path(__file__).resolve().parents[2] / "BENCHMARKS.md"
_Named = TypeVar("_Named")


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/gateway/run.py", description="What a gateway costs per request.")
    parser.add_argument("--quick", action="store_true", help="one round of 2 s per cell; BENCHMARKS.md is left alone")
    parser.add_argument("--rounds", type=int, help="rounds in which the targets take turns (default 3)")
    parser.add_argument("--seconds", type=float, help="seconds of load per cell (default 5)")
    parser.add_argument("--targets", help=f"from: {', '.join(TARGETS)} (default: {', '.join(DEFAULT_TARGETS)})")
    parser.add_argument("--with", dest="extra", choices=["litellm"], help="install LiteLLM (cached) and add it")
    parser.add_argument("--litellm-version", default=LITELLM_VERSION, help="which LiteLLM (default %(default)s)")
    parser.add_argument("--cells", help=f"from: {', '.join(CELLS)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, between their marks")
    options = parser.parse_args(arguments)
    if (options.rounds or 1) < 1 or (options.seconds or 1) < 1:
        parser.error("--rounds and --seconds should be at least 1")
    return options


def _chosen(names: str | None, known: Mapping[str, _Named], default: Sequence[str]) -> list[_Named]:
    """The named entries of *known*, in the order given; an unknown name ends the program."""
    wanted = list(default) if names is None else [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)]


def _plan(options: argparse.Namespace) -> Plan:
    targets = _chosen(options.targets, TARGETS, DEFAULT_TARGETS)
    if options.extra == "litellm":
        targets += [TARGETS[name] for name in LITELLM_TARGETS if TARGETS[name] not in targets]
    return Plan(
        targets=targets,
        cells=_chosen(options.cells, CELLS, list(CELLS)),
        rounds=options.rounds or (1 if options.quick else 3),
        seconds=options.seconds or (2 if options.quick else 5),
        litellm_version=options.litellm_version,
        key=f"sk-{secrets.token_hex(24)}",
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _without_files(arguments: Sequence[str]) -> list[str]:
    """*arguments* less where the results go, which is nobody else's concern."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in {"--json", "--markdown"}:
            next(words, None)
        elif not word.startswith(("--json=", "--markdown=")):
            kept.append(word)
    return kept


def _circumstances(plan: Plan, cores: Cores, arguments: Sequence[str]) -> report.Circumstances:
    version = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    return report.Circumstances(
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        command=shlex.join(["python", "bench/gateway/run.py", *_without_files(arguments)]),
        machine=_cpu_model(),
        cpus=len(os.sched_getaffinity(0)),
        pinning="gateway on one, mock and load on the rest" if cores.gateway else "not pinned",
        python=platform.python_version(),
        wrk=" ".join(version.split()[:2]),
        load_average=f"{os.getloadavg()[0]:.2f}",
        rounds=plan.rounds,
        seconds=plan.seconds,
    )


def _end(number: int, _frame: types.FrameType | None) -> None:
    """Leave through the `finally`s, so that no child outlives the benchmark."""
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Measure, print the tables, write the files asked for; 0 when every target was measured without a problem."""
    options = _arguments(arguments)
    if sys.platform != "linux":
        sys.exit("this benchmark reads /proc, so it needs Linux")
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk nginx")
    signal.signal(signal.SIGTERM, _end)
    plan, cores = _plan(options), Cores.plan()
    if options.extra == "litellm":
        try:
            install_litellm(plan.litellm_version)
        except TargetMissingError as error:
            sys.exit(str(error))
    circumstances = _circumstances(plan, cores, arguments)
    records = measure(plan, cores=cores, progress=lambda line: print(line, file=sys.stderr, flush=True))
    text = report.markdown(records, plan.cells, circumstances)
    print(text)
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(records, circumstances), indent=1) + "\n", encoding="utf-8")
    markdown = options.markdown or (None if options.quick else BENCHMARKS)
    if markdown is not None:
        report.place(markdown, text)
    return int(any(record.missing or any(map(record.problem, record.samples)) for record in records))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
