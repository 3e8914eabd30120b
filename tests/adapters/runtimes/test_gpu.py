"""What is known of the memory for models: as NVIDIA's library and program, AMD's driver, Apple and Linux tell it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.gpu import SMI, SYSCTL, Machine, Nvml, devices, from_meminfo, from_smi, from_sysctl
from pointsman.core.local import Device

MIB = 1 << 20
GIB = 1 << 30
MEMINFO = "MemTotal:       24684092 kB\nMemFree:         9125404 kB\nMemAvailable:   20971520 kB\nBuffers: 8 kB\n"
RAM = Device(name="memory", total_bytes=24684092 * 1024, free_bytes=20971520 * 1024, source="ram")
AMD_APU = {"mem_info_vram_total": 512 * MIB, "mem_info_vram_used": 500 * MIB, "mem_info_gtt_total": 14 * GIB}


def write(root: Path, files: dict[str, object]) -> None:
    """Small files below *root*."""
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


def machine(root: Path, printed: Mapping[Sequence[str], str] | None = None, nvml: Nvml | None = None) -> Machine:
    """A machine whose system files are below *root*, whose programs print *printed*."""
    return Machine(root=root, run=lambda command: (printed or {}).get(tuple(command)), nvml=lambda: nvml)


class NvmlTrouble(Exception):
    """The library's own error."""


@dataclass(frozen=True)
class Memory:
    """The library's answer."""

    total: int
    free: int


@dataclass
class FakeNvml:
    """NVIDIA's library with *cards*, a name and a memory each; None has no memory of its own."""

    cards: Sequence[tuple[str | bytes, Memory | None]] = ()
    has_driver: bool = True
    is_open: bool = False
    NVMLError: type[Exception] = NvmlTrouble

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.has_driver:
            raise NvmlTrouble("NVML Shared Library Not Found")
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: object) -> str | bytes:  # noqa: N802
        assert isinstance(handle, int)
        return self.cards[handle][0]

    def nvmlDeviceGetMemoryInfo(self, handle: object) -> Memory:  # noqa: N802
        assert isinstance(handle, int)
        memory = self.cards[handle][1]
        if memory is None:
            raise NvmlTrouble("Not Supported")
        return memory


def test_nvidias_library_is_asked_first_and_closed_again(tmp_path: Path) -> None:
    """The largest card comes first, and a name may be bytes, as older versions give it."""
    library = FakeNvml(
        cards=((b"NVIDIA T1000", Memory(4 * GIB, 3 * GIB)), ("NVIDIA GeForce RTX 4090", Memory(24 * GIB, 22 * GIB)))
    )
    assert devices(machine(tmp_path, {SMI: "never asked, 1, 1"}, library)) == [
        Device(name="NVIDIA GeForce RTX 4090", total_bytes=24 * GIB, free_bytes=22 * GIB, source="nvml"),
        Device(name="NVIDIA T1000", total_bytes=4 * GIB, free_bytes=3 * GIB, source="nvml"),
    ]
    assert not library.is_open


def test_without_a_driver_the_library_says_nothing(tmp_path: Path) -> None:
    """The package may be there on a machine without a card."""
    write(tmp_path, {"proc/meminfo": MEMINFO})
    assert devices(machine(tmp_path, nvml=FakeNvml(has_driver=False))) == (RAM,)


def test_nvidias_program_is_asked_where_the_library_is_not_there(tmp_path: Path) -> None:
    """In MiB, one card a line."""
    printed = "NVIDIA GeForce RTX 4090, 24564, 23028\nNVIDIA GeForce RTX 4090, 24564, 512\n"
    card = "NVIDIA GeForce RTX 4090"
    assert devices(machine(tmp_path, {SMI: printed})) == [
        Device(name=card, total_bytes=24564 * MIB, free_bytes=23028 * MIB, source="nvidia-smi"),
        Device(name=card, total_bytes=24564 * MIB, free_bytes=512 * MIB, source="nvidia-smi"),
    ]


@pytest.mark.parametrize(
    ("printed", "figures"),
    [
        ("Orin (nvgpu), [N/A], [N/A]\n", [(None, None)]),
        ("NVIDIA GB10, [N/A], [N/A]\n", [(None, None)]),
        ("NVIDIA A100, 81920, [Not Supported]\n", [(81920 * MIB, None)]),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", []),
        ("No devices were found\n", []),
        ("", []),
    ],
)
def test_what_nvidias_program_does_not_know_is_none(printed: str, figures: list[tuple[int | None, int | None]]) -> None:
    """None is not 0, and a complaint is no card."""
    assert [(card.total_bytes, card.free_bytes) for card in from_smi(printed)] == figures


def test_a_card_that_shares_the_machines_memory_is_followed_by_that(tmp_path: Path) -> None:
    """As a GB10 or a Jetson does: the first pool with a figure is the machine's."""
    write(tmp_path, {"proc/meminfo": MEMINFO})
    card = Device(name="NVIDIA GB10", total_bytes=None, free_bytes=None, source="nvml")
    library = FakeNvml(cards=(("NVIDIA GB10", None),))
    assert devices(machine(tmp_path, nvml=library)) == (card, RAM)


def test_amds_driver_tells_in_files(tmp_path: Path) -> None:
    """Connectors (card1-DP-1) are no cards; a card without the figures is passed over."""
    at = "sys/class/drm"
    write(
        tmp_path,
        {
            f"{at}/card0/device/vendor": "0x8086",
            f"{at}/card1/device/mem_info_vram_total": 16 * GIB,
            f"{at}/card1/device/mem_info_vram_used": 2 * GIB,
            f"{at}/card1/device/product_name": "Radeon RX 7800 XT",
            f"{at}/card1-DP-1/device/mem_info_vram_total": 16 * GIB,
        },
    )
    assert devices(machine(tmp_path)) == [
        Device(name="Radeon RX 7800 XT", total_bytes=16 * GIB, free_bytes=14 * GIB, source="sysfs")
    ]


def test_amds_graphics_in_the_processor_have_the_machines_memory_too(tmp_path: Path) -> None:
    """512 MiB of their own and the rest by GTT; what is used of that is not told here, so nothing is added."""
    write(tmp_path, {f"sys/class/drm/card0/device/{name}": value for name, value in AMD_APU.items()})
    total = 512 * MIB + 14 * GIB
    assert devices(machine(tmp_path)) == [
        Device(name="AMD card0", total_bytes=total, free_bytes=total - 500 * MIB, source="sysfs")
    ]


@pytest.mark.parametrize(
    ("printed", "total"),
    [
        ("hw.memsize: 17179869184\niogpu.wired_limit_mb: 0\n", 17179869184 * 2 // 3),
        ("hw.memsize: 68719476736\niogpu.wired_limit_mb: 0\n", 68719476736 * 3 // 4),
        ("hw.memsize: 17179869184\niogpu.wired_limit_mb: 14336\n", 14336 * MIB),
        ("hw.memsize: 17179869184\n", 17179869184 * 2 // 3),
        ("sysctl: unknown oid 'hw.memsize'\n", None),
        ("", None),
    ],
)
def test_apples_gpu_takes_a_share_of_the_memory_or_what_is_set(printed: str, total: int | None) -> None:
    """Two thirds up to 36 GiB, three quarters above, `iogpu.wired_limit_mb` where it is not 0."""
    assert from_sysctl(printed) == total


def test_apple_is_asked_only_on_a_mac(tmp_path: Path) -> None:
    """Elsewhere `sysctl` is another program."""
    printed = {SYSCTL: "hw.memsize: 17179869184\n"}
    assert devices(machine(tmp_path, printed)) == ()
    (tmp_path / "System/Library/CoreServices").mkdir(parents=True)
    (found,) = devices(machine(tmp_path, printed))
    assert (found.name, found.source, found.free_bytes) == ("Apple GPU", "sysctl", None)


def cgroup_2(root: Path) -> None:
    """A container of 4 GiB with 3 in use, of which 1 is file cache."""
    at = "sys/fs/cgroup/memory"
    write(root, {f"{at}.max": 4 * GIB, f"{at}.current": 3 * GIB, f"{at}.stat": f"anon 1\ninactive_file {GIB}"})


def cgroup_1(root: Path) -> None:
    """The same in version 1."""
    at = "sys/fs/cgroup/memory/memory"
    write(
        root,
        {
            f"{at}.limit_in_bytes": 4 * GIB,
            f"{at}.usage_in_bytes": 3 * GIB,
            f"{at}.stat": f"inactive_file 5\ntotal_inactive_file {GIB}",
        },
    )


@pytest.mark.parametrize("limited", [cgroup_2, cgroup_1])
def test_a_containers_limit_is_its_memory(tmp_path: Path, limited: Callable[[Path], None]) -> None:
    """The file cache counts as free: the kernel gives it back."""
    write(tmp_path, {"proc/meminfo": MEMINFO})
    limited(tmp_path)
    assert devices(machine(tmp_path)) == (
        Device(name="memory of this container", total_bytes=4 * GIB, free_bytes=2 * GIB, source="cgroup"),
    )


@pytest.mark.parametrize("limit", ["max", str((1 << 63) - 4096)])
def test_a_container_without_a_limit_has_the_machines_memory(tmp_path: Path, limit: str) -> None:
    """Version 2 says "max", version 1 a figure that no machine has."""
    write(tmp_path, {"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory.max": limit})
    assert devices(machine(tmp_path)) == (RAM,)


def test_where_nothing_is_known_there_is_nothing(tmp_path: Path) -> None:
    """The figure in the configuration is then the only one."""
    assert devices(machine(tmp_path)) == ()
    assert from_meminfo("MemTotal: many\n") == (None, None)


def test_this_machine_has_some_memory() -> None:
    """The real thing, whatever it is."""
    assert any(device.total_bytes for device in devices())
