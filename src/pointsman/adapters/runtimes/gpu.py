"""The memory that models are put into: of graphics cards, of Apple's unified memory, or the machine's own.

source       asked                                                            free is
nvml         NVIDIA's library, by the package `nvidia-ml-py` (never required)  the driver's figure, of all programs
nvidia-smi   NVIDIA's program, where the package is not there                  the same
sysfs        /sys/class/drm/card*/device/mem_info_* of AMD's driver            total less used
sysctl       Apple: the part of the memory that its GPU may take               not known
cgroup       the limit of this container, where it is below the machine's      limit less use, file cache given back
ram          /proc/meminfo                                                     MemAvailable

The first that knows a total ends the search. A figure that is not known is None, as the "[N/A]" of memory that
processor and GPU share; then the machine's own memory follows.
"""

from __future__ import annotations

import csv
import importlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from pointsman.core.local import Device

MIB: Final = 1 << 20
GIB: Final = 1 << 30
SMI: Final[Sequence[str]] = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
SYSCTL: Final[Sequence[str]] = ("/usr/sbin/sysctl", "hw.memsize", "iogpu.wired_limit_mb")
_SHARED_BYTES: Final = 2 * GIB
"""A card of AMD with less is a part of the processor, and takes the rest from the machine's memory (GTT)."""
_SMALL_APPLE_BYTES: Final = 36 * GIB  # up to here the GPU gets two thirds, above three quarters
_TIMEOUT_S: Final = 5.0
_CARD: Final = re.compile(r"card\d+")


class NvmlMemory(Protocol):
    """What the library says of a card's memory, in bytes."""

    @property
    def total(self) -> int:
        """All of it."""

    @property
    def free(self) -> int:
        """What no program has."""


class Nvml(Protocol):
    """What is used of NVIDIA's library; the names are its own."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> None:  # noqa: N802
        """Raises without a driver."""

    def nvmlShutdown(self) -> None:  # noqa: N802
        """The end of it."""

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """How many cards."""

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:  # noqa: N802
        """One of them."""

    def nvmlDeviceGetName(self, handle: object) -> str | bytes:  # noqa: N802
        """What it is called."""

    def nvmlDeviceGetMemoryInfo(self, handle: object) -> NvmlMemory:  # noqa: N802
        """Raises where the card has no memory of its own."""


def run_program(command: Sequence[str]) -> str | None:
    """What *command* prints; None when it is not there, fails or hangs. What it printed before failing is kept."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") or None


def nvml_library() -> Nvml | None:
    """NVIDIA's library as Python sees it; None where the package is not installed."""
    try:
        return cast("Nvml", importlib.import_module("pynvml"))
    except ImportError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the figures come from."""

    root: Path = Path("/")
    run: Callable[[Sequence[str]], str | None] = run_program
    nvml: Callable[[], Nvml | None] = nvml_library


def devices(machine: Machine | None = None) -> Sequence[Device]:
    """Every pool of memory that can be found out, the largest first; it asks programs, so not for the event loop."""
    machine = machine or Machine()
    found: list[Device] = []
    for ask in (_nvidia, _amd, _apple):
        found += ask(machine)
        if any(device.total_bytes for device in found):
            return sorted(found, key=lambda device: device.total_bytes or 0, reverse=True)
    return (*found, *_memory(machine))


def _nvidia(machine: Machine) -> Sequence[Device]:
    library = machine.nvml()
    found = [] if library is None else list(from_nvml(library))
    return found or from_smi(machine.run(SMI) or "")


def from_nvml(library: Nvml) -> Iterator[Device]:
    """What NVIDIA's *library* (the module `pynvml`) says; nothing when there is no driver."""
    try:
        library.nvmlInit()
    except library.NVMLError:
        return
    try:
        for index in range(library.nvmlDeviceGetCount()):
            handle = library.nvmlDeviceGetHandleByIndex(index)
            name = library.nvmlDeviceGetName(handle)
            total, free = _nvml_memory(library, handle)
            yield Device(name=_text(name), total_bytes=total, free_bytes=free, source="nvml")
    except library.NVMLError:
        return
    finally:
        library.nvmlShutdown()


def _nvml_memory(library: Nvml, handle: object) -> tuple[int | None, int | None]:
    try:
        memory = library.nvmlDeviceGetMemoryInfo(handle)
    except library.NVMLError:  # not supported where processor and GPU share one memory
        return None, None
    return memory.total, memory.free


def from_smi(printed: str) -> list[Device]:
    """The lines of `SMI`: `NVIDIA GeForce RTX 4090, 24564, 23028`, in MiB. What is no such line is passed over."""
    rows = csv.reader(printed.splitlines(), skipinitialspace=True)
    return [
        Device(name=row[0], total_bytes=_mebibytes(row[1]), free_bytes=_mebibytes(row[2]), source="nvidia-smi")
        for row in rows
        if len(row) == len(("name", "total", "free"))
    ]


def _amd(machine: Machine) -> Iterator[Device]:
    folder = machine.root / "sys/class/drm"
    cards = [card for card in folder.glob("card*") if _CARD.fullmatch(card.name)]
    for card in sorted(cards, key=lambda card: int(card.name.removeprefix("card"))):
        device = card / "device"
        total, used = _number(device / "mem_info_vram_total"), _number(device / "mem_info_vram_used")
        if total is None:
            continue
        if total < _SHARED_BYTES:
            total += _number(device / "mem_info_gtt_total") or 0
            used = None if used is None else used + (_number(device / "mem_info_gtt_used") or 0)
        name = _read(device / "product_name").strip() or f"AMD {card.name}"
        yield Device(name=name, total_bytes=total, free_bytes=None if used is None else total - used, source="sysfs")


def _apple(machine: Machine) -> Sequence[Device]:
    if not (machine.root / "System/Library/CoreServices").is_dir():
        return ()
    total = from_sysctl(machine.run(SYSCTL) or "")
    return () if total is None else (Device(name="Apple GPU", total_bytes=total, free_bytes=None, source="sysctl"),)


def from_sysctl(printed: str) -> int | None:
    """What Apple's GPU may take, of what `SYSCTL` prints: the limit that is set, else the system's share.

    `hw.memsize: 17179869184` and `iogpu.wired_limit_mb: 0` -> two thirds of it.
    """
    pairs = (line.partition(":") for line in printed.splitlines())
    said = {name.strip(): value.strip() for name, _, value in pairs if value.strip().isdecimal()}
    limit, memory = int(said.get("iogpu.wired_limit_mb", "0")), int(said.get("hw.memsize", "0"))
    if limit:
        return limit * MIB
    if not memory:
        return None
    return memory * 2 // 3 if memory <= _SMALL_APPLE_BYTES else memory * 3 // 4


def _memory(machine: Machine) -> Sequence[Device]:
    total, free = from_meminfo(_read(machine.root / "proc/meminfo"))
    limit, left = _cgroup(machine.root / "sys/fs/cgroup")
    if limit is not None and (total is None or limit < total):
        return (Device(name="memory of this container", total_bytes=limit, free_bytes=left, source="cgroup"),)
    return () if total is None else (Device(name="memory", total_bytes=total, free_bytes=free, source="ram"),)


def from_meminfo(text: str) -> tuple[int | None, int | None]:
    """Total and available bytes, as `/proc/meminfo` has them in kB."""
    found = dict(re.findall(r"^(MemTotal|MemAvailable):\s+(\d+) kB$", text, re.MULTILINE))
    total, free = (int(found[name]) * 1024 if name in found else None for name in ("MemTotal", "MemAvailable"))
    return total, free


def _cgroup(folder: Path) -> tuple[int | None, int | None]:
    """Limit and rest of this container, in version 2 or 1; (None, None) without a limit."""
    for limit_file, used_file, place in (
        ("memory.max", "memory.current", folder),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", folder / "memory"),
    ):
        limit, used = _number(place / limit_file), _number(place / used_file)
        if limit is not None:
            told = re.findall(r"^(?:total_)?inactive_file (\d+)$", _read(place / "memory.stat"), re.MULTILINE)
            cache = int(told[-1]) if told else 0  # version 1 gives its own before that of all below it
            return limit, None if used is None else max(0, limit - used + min(cache, used))
    return None, None


def _mebibytes(figure: str) -> int | None:
    """`24564` -> its bytes; `[N/A]`, `[Not Supported]` -> None."""
    return int(figure) * MIB if figure.strip().isdecimal() else None


def _number(path: Path) -> int | None:
    text = _read(path).strip()  # "max" where a cgroup has no limit
    return int(text) if text.isascii() and text.isdecimal() else None


def _read(path: Path) -> str:
    """A small file of the system; empty when it is not there or not ours to read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _text(name: str | bytes) -> str:
    """Older versions of the library give bytes."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
