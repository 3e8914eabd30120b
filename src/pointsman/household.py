"""The composition of the models on this machine: which runtime holds which, and one residency for all of them.

Part of the composition root: `bootstrap` enters it where the configuration names a budget (`local.vram`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import platformdirs

from pointsman.core.errors import ConfigError, RuntimeUnavailable
from pointsman.engine.context_size import OLLAMA, Sizes, sizes_of, with_num_ctx
from pointsman.engine.residency import Housed, Residency, ResidentLimits
from pointsman.engine.swap import DEVICE_BYTES_PER_S, MEMORY_BYTES_PER_S, SwapAware
from pointsman.local.planner import Placed, gigabytes, shortfalls
from pointsman.local.scheduler import LocalModel, Scheduler

if TYPE_CHECKING:
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.runtimes import ollama
    from pointsman.adapters.runtimes.embedded_llama import ModelFile
    from pointsman.adapters.runtimes.model_store import ModelStore
    from pointsman.adapters.runtimes.ollama_library import OllamaLibrary
    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.local import Device, Footprint
    from pointsman.core.ports import LocalRuntime
    from pointsman.engine.router import Router

OLLAMA_BESIDE = 1.25
NOT_A_DEVICE = frozenset(("ram", "cgroup"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """The residency, and what the device reads its weights with, in bytes a second."""

    residency: Residency
    bytes_per_s: float


def in_household(router: Router, household: Household) -> Router:
    """*router* with the memory in mind: it chooses by what is loaded, and has loaded what it needs."""
    selector = router.decider.selector
    memory = SwapAware(residency=household.residency, tier_of=selector.tier_of, bytes_per_s=household.bytes_per_s)
    return replace(
        router,
        decider=replace(router.decider, memory=memory),
        limits=ResidentLimits(limits=router.limits, residency=household.residency),
    )


def folder_of(loaded: Loaded) -> Path:
    """Where the configuration's relative paths start."""
    return loaded.source_path.parent if loaded.source_path else Path.cwd()


def model_store(loaded: Loaded) -> ModelStore:
    """The downloaded models: in the configured folder, else in the user's data folder."""
    from pointsman.adapters.runtimes.model_store import ModelStore

    named = loaded.settings.local.models_dir
    return ModelStore(folder=Path(named).expanduser() if named else platformdirs.user_data_path("pointsman") / "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A server of local models, and the configured models that it serves, by what it calls them."""

    endpoint: str
    runtime: LocalRuntime
    cards: Mapping[str, ModelCard]


@asynccontextmanager
async def open_runtimes(loaded: Loaded) -> AsyncIterator[Sequence[Runtime]]:
    """The servers of *loaded*'s local models that can tell what they hold; GGUF files are the gateway's own."""
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.runtimes.footprints import footprints
    from pointsman.adapters.runtimes.identify import runtime_for

    files = {model.id for model in loaded.gguf_models}
    local = [card for card in loaded.catalog.models if card.is_local and card.id not in files]
    sizes = footprints(local, {}, {}, {}, has_device=True)
    budget = loaded.settings.local.vram if isinstance(loaded.settings.local.vram, int) else 0
    found = []
    async with HttpClient() as client:
        for endpoint in {card.endpoint.name: card.endpoint for card in local}.values():
            cards = {card.upstream_model: card for card in local if card.endpoint is endpoint}
            setup_of = partial(_setup, cards, sizes, budget)
            runtime = await runtime_for(endpoint, client, setup_of=setup_of, names=tuple(cards))
            if runtime is not None:
                found.append(Runtime(endpoint=endpoint.name, runtime=runtime, cards=cards))
        yield found


@asynccontextmanager
async def open_ollama(loaded: Loaded) -> AsyncIterator[OllamaLibrary]:
    """The models of the configured Ollama on a machine of the user's, else of the one on this machine."""
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.runtimes import ollama
    from pointsman.adapters.runtimes.local_api import LocalApi, headers_of, root_of
    from pointsman.adapters.runtimes.ollama_library import OllamaLibrary
    from pointsman.config.discover import OLLAMA_URL

    cards = loaded.catalog.models
    endpoint = next((card.endpoint for card in cards if card.is_local and card.endpoint.dialect == "ollama"), None)
    async with HttpClient() as client:
        api = LocalApi(
            client=client,
            target=root_of(endpoint.base_url if endpoint is not None else OLLAMA_URL),
            title=ollama.TITLE,
            start=ollama.START,
            headers=headers_of(endpoint) if endpoint is not None else (),
        )
        yield OllamaLibrary(api=api)


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


def has_known_device() -> bool:
    """Whether the memory of this machine's device can be found out."""
    from pointsman.adapters.runtimes.gpu import devices

    return any(one.total_bytes for one in devices())


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
    contexts = {card.id: sizes.usual for card in cards if (sizes := _sizes(card)) is not None}
    return footprints(cards, files, slots, contexts, has_device=has_device)


@asynccontextmanager
async def open_household(
    loaded: Loaded, catalog: Catalog, embedded: Mapping[str, str], client: HttpClient
) -> AsyncIterator[Household | None]:
    """The models on this machine under one budget; None where the configuration names none.

    *embedded* are the addresses of the GGUF models. ConfigError when the pinned models do not fit together.
    """
    if loaded.settings.local.vram is None:
        yield None
        return
    settings = loaded.settings.local
    _, budget, has_device = _budget(loaded)
    sizes = local_footprints(loaded, has_device=has_device)
    check_household(loaded)
    async with AsyncExitStack() as stack:
        housed = await _housed(loaded, catalog, embedded, client, stack, sizes, budget)
        cards = {card.id: card for card in catalog.models if card.id in housed}
        sizes |= await _told(housed, cards, has_device=has_device)
        known = {name: size.total_bytes for name, size in sizes.items() if size is not None and name in cards}
        models = [
            LocalModel(
                name=name, size_bytes=size, is_pinned=cards[name].is_pinned, beside=_beside(housed[name].runtime)
            )
            for name, size in known.items()
        ]
        residency = Residency(
            scheduler=Scheduler(
                models=models,
                budget_bytes=budget,
                clock=time.monotonic,
                bypass_s=settings.bypass_s,
                residency=settings.residency,
            ),
            housed={name: housed[name] for name in known},
            clock=time.monotonic,
        )
        await stack.enter_async_context(residency)
        residency.keep([card for card in cards.values() if card.is_pinned and card.id in known])
        speed = DEVICE_BYTES_PER_S if has_device else MEMORY_BYTES_PER_S
        yield Household(residency=residency, bytes_per_s=speed)


def check_household(loaded: Loaded) -> tuple[str, ...]:
    """What will not fit at once, in sentences; ConfigError when the pinned models do not fit together.

    Nothing is loaded for it. Empty where the configuration names no budget.
    """
    if loaded.settings.local.vram is None:
        return ()
    if loaded.settings.server.workers > 1:
        message = "local.vram needs one process: server.workers is " + f"{loaded.settings.server.workers}."
        raise ConfigError(message, hint="Take `workers` out; one process is enough for what one device can answer.")
    _, budget, has_device = _budget(loaded)
    cards = {card.id: card for card in loaded.catalog.models if card.is_local}
    sizes = local_footprints(loaded, has_device=has_device)
    known = {name: size.total_bytes for name, size in sizes.items() if size is not None}
    placed = [Placed(model=name, size_bytes=size, is_pinned=cards[name].is_pinned) for name, size in known.items()]
    problems = shortfalls(placed, budget)
    pinned = sum(one.size_bytes for one in placed if one.is_pinned)
    if pinned > budget:
        raise ConfigError(f"{problems[0]}.", hint="Unpin one, choose a smaller one, or raise `local.vram`.")
    unknown = [name for name in cards if name not in known]
    if unknown:
        problems.append(
            f"what {', '.join(unknown)} take of the memory is not known, so that they are not managed; "
            "give it as `memory:` of the model"
        )
    together = sum(known.values())
    if not problems and together > budget:
        problems.append(f"together the local models need {gigabytes(together)} of {gigabytes(budget)}: they take turns")
    return tuple(problems)


def _budget(loaded: Loaded) -> tuple[Device, int, bool]:
    """The device, what may be used of it in bytes, and whether it is one with a context of its own (no plain RAM)."""
    device = device_of(loaded)
    budget = max(0, (device.total_bytes or 0) - loaded.settings.local.reserve)
    return device, budget, device.source not in NOT_A_DEVICE


async def _housed(
    loaded: Loaded,
    catalog: Catalog,
    embedded: Mapping[str, str],
    client: HttpClient,
    stack: AsyncExitStack,
    sizes: Mapping[str, Footprint | None],
    budget: int,
) -> dict[str, Housed]:
    """Where each local model lives, by card id; models of servers that cannot be told what to hold are not in it."""
    from pointsman.adapters.runtimes.identify import can_unload, runtime_for
    from pointsman.adapters.runtimes.llama_children import LlamaChildren

    files = model_files(loaded)
    ported = {name: replace(file, port=urlsplit(embedded[name]).port or 0) for name, file in files.items()}
    housed: dict[str, Housed] = {}
    if ported:
        children = await stack.enter_async_context(LlamaChildren(ported))
        housed = {name: Housed(runtime=children, model=name) for name in ported}
    others = [card for card in catalog.models if card.is_local and card.id not in housed]
    for endpoint in {card.endpoint.name: card.endpoint for card in others}.values():
        cards = {card.upstream_model: card for card in others if card.endpoint is endpoint}
        setup_of = partial(_setup, cards, sizes, budget)
        runtime = await runtime_for(endpoint, client, setup_of=setup_of, names=tuple(cards))
        if runtime is not None and await can_unload(runtime):
            housed |= {card.id: Housed(runtime=runtime, model=model) for model, card in cards.items()}
    return housed


async def _told(
    housed: Mapping[str, Housed], cards: Mapping[str, ModelCard], *, has_device: bool
) -> dict[str, Footprint | None]:
    """What models take by what their Ollama says of them, which is more than their names do."""
    from pointsman.adapters.runtimes.footprints import of_shape
    from pointsman.adapters.runtimes.ollama import OllamaRuntime
    from pointsman.adapters.runtimes.ollama_library import OllamaLibrary

    found: dict[str, Footprint | None] = {}
    for name, house in housed.items():
        card, runtime = cards[name], house.runtime
        if not isinstance(runtime, OllamaRuntime) or card.memory_bytes is not None:
            continue
        try:
            shown = await OllamaLibrary(api=runtime.api).show(house.model)
        except RuntimeUnavailable:
            continue  # not there now, or not installed: its name has to do
        if shown.architecture is not None:
            window = _sizes(card)
            context = window.usual if window is not None else card.context_tokens
            found[name] = of_shape(card, shown.architecture, shown.weights_bytes, context, has_device=has_device)
    return found


def _beside(runtime: LocalRuntime) -> float:
    """How many times its size a model has to find free beside others: Ollama fills four fifths of what is free."""
    return OLLAMA_BESIDE if runtime.name == OLLAMA else 1.0


def _sizes(card: ModelCard) -> Sizes | None:
    """The windows that *card* may be loaded with, where its requests say which: Ollama's."""
    return sizes_of(card) if card.endpoint.dialect == OLLAMA else None


def _setup(
    cards: Mapping[str, ModelCard], sizes: Mapping[str, Footprint | None], budget: int, model: str
) -> ollama.Setup:
    """What Ollama loads *model* with: the options that its requests carry, and how long it stays unasked."""
    from pointsman.adapters.runtimes import ollama

    card = cards.get(model)
    if card is None:
        return ollama.Setup()
    context = _sizes(card)
    asked = with_num_ctx(card, context.usual) if context is not None else card
    size = sizes.get(card.id)
    return ollama.Setup(
        options=ollama.runner_options(asked.defaults),
        keep_alive=ollama.keep_alive_of(
            is_pinned=card.is_pinned,
            size_bytes=size.total_bytes if size is not None else None,
            budget_bytes=budget,
        ),
    )
