"""llama.cpp's own reckoning of a model's memory: it lays everything out, allocates nothing, and prints the sizes.

The process ends itself afterwards (there is nothing to serve), so it runs as a process of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from pointsman.local.architecture import Architecture
from tests.local.sparse import write

MIB = 1 << 20
TIMEOUT_S = 60.0
PROGRAM = """
import sys
import xllamacpp as x
p = x.CommonParams()
p.model.path, p.hostnames, p.port = sys.argv[1], ["127.0.0.1"], 0
p.n_ctx, p.n_parallel, p.warmup, p.no_alloc, p.verbosity = int(sys.argv[2]), 1, False, True, 5
p.cpuparams.n_threads, p.no_extra_bufts = 1, True
kind = getattr(x.ggml_type, "GGML_TYPE_" + sys.argv[3].upper())
p.cache_type_k = p.cache_type_v = kind
x.Server(p)
"""
_KV = re.compile(r"llama_kv_cache\w*: size =\s*([\d.]+) MiB")
_COMPUTE = re.compile(r"compute buffer size =\s*([\d.]+) MiB")
_PROJECTED = re.compile(r"projected to use (\d+) MiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What llama.cpp says, in MiB."""

    kv_cache_mib: float
    compute_mib: float
    projected_mib: float


def dry_run(model: Architecture, quantization: str, context: int, cache: str, folder: Path) -> DryRun:
    """llama.cpp's figures for *model*; RuntimeError with its last words when it has none."""
    path = folder / "sparse.gguf"
    write(model, quantization, path)
    command = [sys.executable, "-c", PROGRAM, str(path), str(context), cache]
    said = _said(command)
    kv, compute, projected = _KV.findall(said), _COMPUTE.findall(said), _PROJECTED.search(said)
    if not kv or not compute or projected is None:
        raise RuntimeError(said[-500:])
    return DryRun(
        kv_cache_mib=sum(map(float, kv)), compute_mib=sum(map(float, compute)), projected_mib=float(projected[1])
    )


def _said(command: list[str]) -> str:
    """What the process prints up to the sum; then it is ended, before it ends itself or hangs."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        watch = threading.Timer(TIMEOUT_S, process.kill)
        watch.start()
        lines = []
        for line in process.stdout or ():
            lines.append(line.decode(errors="replace"))
            if _PROJECTED.search(lines[-1]):
                break
        watch.cancel()
        process.kill()
    return "".join(lines)
