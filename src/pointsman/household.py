"""The composition of the models on this machine: which runtime holds which, and one residency for all of them.

Part of the composition root: `bootstrap` enters it where the configuration names a budget (`local.vram`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import platformdirs

from pointsman.config.classifier import judge_card
from pointsman.core.errors import RuntimeUnavailable
from pointsman.engine.context_size import OLLAMA, Sizes, with_num_ctx
from pointsman.engine.residency import Housed, Residency, ResidentLimits
from pointsman.engine.speeds import Speeds
from pointsman.engine.swap import DEVICE_BYTES_PER_S, MEMORY_BYTES_PER_S, SwapAware
from pointsman.inventory import (
    check_household,
    folder_of,
    is_kept,
    judge_apart,
    local_footprints,
    memory_budget,
    model_files,
    window_sizes,
)
from pointsman.local.model_state import LocalModel
from pointsman.local.scheduler import Scheduler

if TYPE_CHECKING:
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.runtimes import ollama
    from pointsman.adapters.runtimes.ollama_library import OllamaLibrary
    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.local import Footprint
    from pointsman.core.ports import LocalRuntime
    from pointsman.engine.router import Router

OLLAMA_BESIDE = 1.25
GATEWAY_ANSWERS_S = 2.0


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
        bus=router.bus.with_observer(Speeds(household.residency.scheduler.answered)),
    )


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
    models = keeping_judge(loaded, loaded.catalog).models
    local = [card for card in models if card.is_local and card.id not in files]
    sizes = footprints(local, {}, {}, {}, has_device=True)
    budget = loaded.settings.local.vram if isinstance(loaded.settings.local.vram, int) else 0
    found = []
    async with HttpClient() as client:
        for endpoint in {card.endpoint.name: card.endpoint for card in local}.values():
            cards = {card.upstream_model: card for card in local if card.endpoint is endpoint}
            setup_of = partial(_setup, cards, sizes=sizes, budget=budget, windows=window_sizes)
            runtime = await runtime_for(endpoint, client, setup_of=setup_of, names=tuple(cards))
            if runtime is not None:
                found.append(Runtime(endpoint=endpoint.name, runtime=runtime, cards=cards))
        yield found


@contextmanager
def litert_model(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[None]:
    """Serves the configuration's LiteRT-LM model, if there is one, in a process that ends with the context."""
    found = loaded.settings.local.litert
    if found is None:
        yield
        return
    from pointsman.adapters.runtimes.litert_child import LitertFile, litert_server

    home = platformdirs.user_state_path("pointsman") / f"litert-{found.port}"
    path = folder_of(loaded) / Path(found.path).expanduser()
    with litert_server(LitertFile(path=path, model=found.model, port=found.port, home=home), environ):
        yield


async def gateway_memory(loaded: Loaded) -> JsonObject | None:
    """What the gateway at *loaded*'s address says of its memory (`/v1/memory`); None when none answers there."""
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.runtimes.local_api import LocalApi, Patience, root_of

    key = next(iter((*filter(None, [loaded.settings.server.master_key]), *loaded.settings.server.keys.values())), None)
    async with HttpClient() as client:
        api = LocalApi(
            client=client,
            target=root_of(gateway_url(loaded)),
            title="the gateway",
            start="`pointsman serve` starts it.",
            headers=((b"authorization", f"Bearer {key.reveal()}".encode()),) if key is not None else (),
            patience=Patience(answer_s=GATEWAY_ANSWERS_S),
        )
        try:
            answer = await api.get("/v1/memory")
        except RuntimeUnavailable:
            return None
    return dict(answer.fields) if answer.is_good and "models" in answer.fields else None


def gateway_url(loaded: Loaded) -> str:
    """Where a gateway with this configuration can be reached from this machine."""
    server = loaded.settings.server
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(server.host, server.host)  # noqa: S104  compared, not bound
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{server.port}"


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


@asynccontextmanager
async def open_household(
    loaded: Loaded,
    catalog: Catalog,
    embedded: Mapping[str, str],
    client: HttpClient,
    *,
    windows: Callable[[ModelCard], Sizes | None] = window_sizes,
) -> AsyncIterator[Household | None]:
    """The models on this machine under one budget; None where the configuration names none.

    *embedded* are the addresses of the GGUF models, *windows* what Ollama's are to be loaded with: as prompts have
    grown it, so that a load and the request after it carry the same. ConfigError when the pinned models do not fit
    together.
    """
    if loaded.settings.local.vram is None:
        yield None
        return
    settings = loaded.settings.local
    _, budget, has_device = memory_budget(loaded)
    sizes = local_footprints(loaded, has_device=has_device)
    check_household(loaded)
    catalog, apart = keeping_judge(loaded, catalog), judge_apart(loaded, has_device=has_device)
    budget -= (apart.size_bytes or 0) if apart is not None else 0
    async with AsyncExitStack() as stack:
        housed = await _housed(
            loaded, catalog, embedded, client, stack, partial(_setup, sizes=sizes, budget=budget, windows=windows)
        )
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


def keeping_judge(loaded: Loaded, catalog: Catalog) -> Catalog:
    """*catalog* with the model that judges pinned, where one of it does."""
    judge = judge_card(loaded.settings.classifier, catalog)
    return replace(catalog, models=tuple(replace(card, is_pinned=is_kept(card, judge)) for card in catalog.models))


async def _housed(
    loaded: Loaded,
    catalog: Catalog,
    embedded: Mapping[str, str],
    client: HttpClient,
    stack: AsyncExitStack,
    setup_of: Callable[[Mapping[str, ModelCard], str], ollama.Setup],
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
        runtime = await runtime_for(endpoint, client, setup_of=partial(setup_of, cards), names=tuple(cards))
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
            window = window_sizes(card)
            context = window.usual if window is not None else card.context_tokens
            found[name] = of_shape(card, shown.architecture, shown.weights_bytes, context, has_device=has_device)
    return found


def _beside(runtime: LocalRuntime) -> float:
    """How many times its size a model has to find free beside others: Ollama fills four fifths of what is free."""
    return OLLAMA_BESIDE if runtime.name == OLLAMA else 1.0


def _setup(
    cards: Mapping[str, ModelCard],
    model: str,
    *,
    sizes: Mapping[str, Footprint | None],
    budget: int,
    windows: Callable[[ModelCard], Sizes | None],
) -> ollama.Setup:
    """What Ollama loads *model* with: the options that its requests carry, and how long it stays unasked."""
    from pointsman.adapters.runtimes import ollama

    card = cards.get(model)
    if card is None:
        return ollama.Setup()
    context = windows(card)
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
