"""What runs on this machine by the configuration: files, the device and its budget, what each model takes of it.

Part of the composition root, below `household`. The local judge counts like a pinned model, also where it is served
beside the gateway: `pointsman local` and gemini-cli keep it in memory whatever the gateway does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import platformdirs

from pointsman.config.classifier import NAME, judge_card
from pointsman.config.discover import GGUF_TOKENS, OLLAMA_TOKENS, FoundFile
from pointsman.config.load import load
from pointsman.config.locality import is_loopback
from pointsman.core.errors import ConfigError
from pointsman.core.local import Footprint
from pointsman.engine.context_size import OLLAMA, Sizes, sizes_of
from pointsman.local.memory import DEVICE_CONTEXT_BYTES, Options, most_context
from pointsman.local.planner import Placed, gigabytes, shortfalls
from pointsman.local.readers import UnreadableShape, architecture_of

if TYPE_CHECKING:
    from pointsman.adapters.runtimes.embedded_llama import ModelFile
    from pointsman.adapters.runtimes.model_store import ModelStore
    from pointsman.config.load import Loaded
    from pointsman.core.catalog import ModelCard
    from pointsman.core.local import Device

NOT_A_DEVICE: Final = frozenset(("ram", "cgroup"))


def folder_of(loaded: Loaded) -> Path:
    """Where the configuration's relative paths start."""
    return loaded.source_path.parent if loaded.source_path else Path.cwd()


def model_store(loaded: Loaded) -> ModelStore:
    """The downloaded models: in the configured folder, else in the user's data folder."""
    from pointsman.adapters.runtimes.model_store import ModelStore

    named = loaded.settings.local.models_dir
    return ModelStore(folder=Path(named).expanduser() if named else platformdirs.user_data_path("pointsman") / "models")


def _gguf_path(loaded: Loaded, written: str) -> Path:
    """The file that a configuration means by *written*: a path, or the name of a downloaded model."""
    path = folder_of(loaded) / Path(written).expanduser()
    pulled = None if path.exists() else model_store(loaded).find(written)
    return pulled.path if pulled is not None else path


def model_files(loaded: Loaded) -> dict[str, ModelFile]:
    """The configuration's GGUF files by card id."""
    from pointsman.adapters.runtimes.embedded_llama import ModelFile

    return {
        model.id: ModelFile(
            path=_gguf_path(loaded, model.path),
            alias=model.id,
            context_tokens=model.context_tokens,
            parallel_slots=model.parallel,
            threads=model.threads,
            gpu_layers=model.gpu_layers,
            embedding=model.embedding,
        )
        for model in loaded.gguf_models
    }


def downloaded(loaded: Loaded) -> dict[str, FoundFile]:
    """The files of `pointsman models pull`, by name, each with the window to load it with."""
    models = model_store(loaded).models()
    room = device_share() if models else None
    return {
        one.name: FoundFile(path=str(one.path), context_tokens=usual_window(one.path, one.size_bytes, room))
        for one in models
    }


def device_share() -> int | None:
    """How much of this machine's device one model may take that nobody has configured; None where nothing tells."""
    from pointsman.adapters.runtimes.gpu import devices

    total = next((one.total_bytes for one in devices() if one.total_bytes), None)
    return total // 2 if total is not None else None


def usual_window(path: Path, size_bytes: int, room_bytes: int | None) -> int:
    """The tokens to load the file at *path* with: those it was made for, within reason and within *room_bytes*.

    8,192 at least, if it was made for so many: its memory is there from the load on, used or not.
    """
    from pointsman.adapters.runtimes.gguf_header import read_gguf_keys

    try:
        shape = architecture_of(read_gguf_keys(path), vocabulary=0)
    except UnreadableShape:
        return GGUF_TOKENS
    made_for = shape.context_tokens or GGUF_TOKENS
    usual = min(made_for, GGUF_TOKENS)
    if room_bytes is None:
        return usual
    fitting = most_context(shape, Options(), weights=size_bytes, budget_bytes=room_bytes)
    return max(usual, min(made_for, OLLAMA_TOKENS, fitting))


def has_known_device() -> bool:
    """Whether the memory of this machine's device can be found out."""
    from pointsman.adapters.runtimes.gpu import devices

    return any(one.total_bytes for one in devices())


def has_device_memory() -> bool:
    """Whether this machine's models go into a device with a context of its own: RAM has none."""
    from pointsman.adapters.runtimes.gpu import devices

    return any(one.total_bytes and one.source not in NOT_A_DEVICE for one in devices())


def device_of(loaded: Loaded) -> Device:
    """The memory that the configuration's budget is of; ConfigError when it is to be found out and cannot be."""
    from pointsman.adapters.runtimes.gpu import devices
    from pointsman.core.local import Device

    wanted = loaded.settings.local.vram
    if isinstance(wanted, int):
        return Device(name="local.vram", total_bytes=wanted, free_bytes=None, source="config")
    found = next((one for one in devices() if one.total_bytes), None)
    if found is None:
        message = "local.vram is `auto`, and the memory of this machine's device is not known."
        raise ConfigError(message, hint="Give it, such as `vram: 24GiB`.")
    return found


def local_footprints(loaded: Loaded, *, has_device: bool = True) -> dict[str, Footprint | None]:
    """By card id what each local model takes of the memory; None where nothing tells."""
    from pointsman.adapters.runtimes.footprints import footprints

    files = {name: file.path for name, file in model_files(loaded).items()}
    slots = {model.id: model.parallel for model in loaded.gguf_models}
    cards = loaded.catalog.models
    contexts = {card.id: sizes.usual for card in cards if (sizes := window_sizes(card)) is not None}
    return footprints(cards, files, slots, contexts, has_device=has_device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """A model that takes, or may take, memory of this machine. `beside` says where it is, if not in the catalog."""

    name: str
    footprint: Footprint | None
    is_pinned: bool
    is_judge: bool = False
    beside: str = ""

    @property
    def size_bytes(self) -> int | None:
        """What it takes; None where nothing tells."""
        return self.footprint.total_bytes if self.footprint is not None else None

    @property
    def title(self) -> str:
        """Its name, and what it is for."""
        return f"{self.name} (the judge)" if self.is_judge else self.name


def stock(loaded: Loaded, *, has_device: bool = True) -> tuple[Stocked, ...]:
    """The configured local models, and the local judge wherever it is on this machine. A judge is always pinned."""
    judge = judge_card(loaded.settings.classifier, loaded.catalog)
    sizes = local_footprints(loaded, has_device=has_device)
    cards = [card for card in loaded.catalog.models if card.is_local]
    found = [
        Stocked(
            name=card.id,
            footprint=sizes[card.id],
            is_pinned=is_kept(card, judge),
            is_judge=judge is not None and card.id == judge.id,
        )
        for card in cards
    ]
    apart = judge_apart(loaded, has_device=has_device)
    return tuple(found if apart is None else (*found, apart))


def is_kept(card: ModelCard, judge: ModelCard | None) -> bool:
    """Whether *card* is always in memory: as configured, and if it judges, since every prompt waits for it."""
    return card.is_pinned or (judge is not None and card.id == judge.id)


def judge_apart(loaded: Loaded, *, has_device: bool = True) -> Stocked | None:
    """The judge at a server of its own on this machine, with what it takes; None where there is none."""
    judge = judge_card(loaded.settings.classifier, loaded.catalog)
    if judge is None or judge.endpoint.name != NAME or not is_loopback(judge.endpoint.base_url):
        return None
    return Stocked(
        name=judge.upstream_model,
        footprint=_judge_footprint(loaded, judge, has_device=has_device),
        is_pinned=True,
        is_judge=True,
        beside=urlsplit(judge.endpoint.base_url).netloc,
    )


def _judge_footprint(loaded: Loaded, judge: ModelCard, *, has_device: bool) -> Footprint | None:
    """As configured, by the file that `pointsman local` serves at its port, else by its name."""
    from pointsman.adapters.runtimes.footprints import footprints

    configured = loaded.settings.classifier.memory
    served = None if configured is not None else _served_locally(urlsplit(judge.endpoint.base_url).port)
    litert = served.settings.local.litert if served is not None else None
    if litert is not None and Path(litert.path).is_file():
        overhead = DEVICE_CONTEXT_BYTES if has_device else 0
        size = Path(litert.path).stat().st_size
        return Footprint(weights_bytes=size, kv_cache_bytes=0, compute_bytes=0, overhead_bytes=overhead)
    if served is not None:
        return next(iter(local_footprints(served, has_device=has_device).values()), None)
    card = replace(judge, memory_bytes=configured)
    return footprints([card], {}, {}, {}, has_device=has_device)[judge.id]


def _served_locally(port: int | None) -> Loaded | None:
    """What `pointsman local setup` has chosen, if that is served at *port*; None also where it cannot be read."""
    file = local_runtime_file()
    if not file.is_file():
        return None
    try:
        found = load(config=file, environ={}, cwd=file.parent)
    except ConfigError:
        return None
    return found if found.settings.server.port == port else None


def local_runtime_file() -> Path:
    """The configuration of the local runtime, as `pointsman local setup` writes it."""
    return platformdirs.user_config_path("pointsman") / "local.yaml"


def check_household(loaded: Loaded) -> tuple[str, ...]:
    """What will not fit at once, in sentences; ConfigError when the pinned models do not fit together.

    Nothing is loaded for it. Empty where the configuration names no budget.
    """
    if loaded.settings.local.vram is None:
        return ()
    if loaded.settings.server.workers > 1:
        message = "local.vram needs one process: server.workers is " + f"{loaded.settings.server.workers}."
        raise ConfigError(
            message,
            hint="Take `workers` (or --workers) out: one process is enough for one device; or `local.vram`.",
        )
    _, budget, has_device = memory_budget(loaded)
    models = stock(loaded, has_device=has_device)
    placed = placed_of(models)
    problems = shortfalls(placed, budget)
    if sum(one.size_bytes for one in placed if one.is_pinned) > budget:
        raise ConfigError(f"{problems[0]}.", hint="Unpin one, choose a smaller one, or raise `local.vram`.")
    problems.extend(unknown_sizes(models))
    together = sum(one.size_bytes for one in placed)
    if not problems and together > budget:
        problems.append(f"together the local models need {gigabytes(together)} of {gigabytes(budget)}: they take turns")
    return tuple(problems)


def placed_of(models: Sequence[Stocked]) -> list[Placed]:
    """Those of *models* whose size is known."""
    return [
        Placed(model=one.title, size_bytes=one.size_bytes, is_pinned=one.is_pinned)
        for one in models
        if one.size_bytes is not None
    ]


def unknown_sizes(models: Sequence[Stocked]) -> list[str]:
    """Sentences about those of *models* whose size nothing tells."""
    found = []
    unknown = [one.name for one in models if one.size_bytes is None and not one.beside]
    if unknown:
        takes, are = ("takes", "it is") if len(unknown) == 1 else ("take", "they are")
        found.append(
            f"what {', '.join(unknown)} {takes} of the memory is not known, so that {are} not managed; "
            "give it as `memory:` of the model"
        )
    found += [
        f"what the judge {one.name} at {one.beside} takes of the memory is not known, so that it is not counted; "
        "give it as `classifier.memory`"
        for one in models
        if one.size_bytes is None and one.beside
    ]
    return found


def memory_budget(loaded: Loaded) -> tuple[Device, int, bool]:
    """The device, what may be used of it in bytes, and whether it is one with a context of its own (no plain RAM)."""
    device = device_of(loaded)
    budget = max(0, (device.total_bytes or 0) - loaded.settings.local.reserve)
    return device, budget, device.source not in NOT_A_DEVICE


def window_sizes(card: ModelCard) -> Sizes | None:
    """The windows that *card* may be loaded with, where its requests say which: Ollama's."""
    return sizes_of(card) if card.endpoint.dialect == OLLAMA else None
