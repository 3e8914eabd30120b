"""The one place that knows everybody: makes a working router or gateway of a loaded configuration."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pointsman.config.catalog import NO_ENDPOINTS, build_catalog
from pointsman.config.classifier import judge_card
from pointsman.config.load import load, loaded_from
from pointsman.continuity import shared_sessions
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.events import HealthChanged
from pointsman.engine.attempt import ModelCaller
from pointsman.engine.bus import Bus
from pointsman.engine.consent import Consents
from pointsman.engine.context_size import ContextSizes
from pointsman.engine.decide import Decider
from pointsman.engine.router import Router
from pointsman.experience import make_ready, reading_signs
from pointsman.household import in_household, open_household
from pointsman.inventory import downloaded, has_known_device, model_files
from pointsman.judgement import with_judge
from pointsman.precedence import escalations_of, sessions_of, strategies_of
from pointsman.privacy.gate import EgressGate
from pointsman.privacy.policy import PrivacyConstraint, PrivacyMode, PrivacyPolicy
from pointsman.resilience.availability import Availability
from pointsman.resilience.budget import RetryBudget
from pointsman.resilience.context_book import ContextBook
from pointsman.resilience.tolerance import Tolerance
from pointsman.routing.chain import Chain
from pointsman.routing.constraints.capability import CapabilityConstraint, ContextConstraint
from pointsman.routing.features import features_of
from pointsman.routing.select import Selector
from pointsman.stores import accepted_tiers, learned_shifts, observing_ledger, shared_healths

if TYPE_CHECKING:
    from pointsman.config.discover import Discovery
    from pointsman.config.load import Loaded
    from pointsman.config.schema import ResilienceSettings
    from pointsman.core.catalog import Catalog
    from pointsman.core.jsontypes import Json
    from pointsman.core.ports import Observer, Provider
    from pointsman.dialects.base import Upstream

NO_FLAGS: Mapping[str, Json] = {}
DEMO_SLOTS = 2


def load_config(config: str | None = None, flags: Mapping[str, Json] = NO_FLAGS) -> Loaded:
    """The configuration in force for this process: its environment, its working directory, these flags."""
    return load(config=Path(config) if config else None, environ=environ(), cwd=Path.cwd(), flags=flags)


def environ() -> Mapping[str, str]:
    """This process's environment."""
    return os.environ  # noqa: TID251  the composition root hands it to config/, which reads it


def make_router(
    loaded: Loaded,
    catalog: Catalog,
    *,
    providers: Mapping[str, Provider] | None = None,
    upstreams: Mapping[str, Upstream] | None = None,
    observers: Sequence[Observer] = (),
) -> Router:
    """The router over *catalog*. Without *providers* it decides and never calls.

    Its clock is the one event loops count by; uvloop's own `time()` is the same, but stands still within a turn.
    """
    clock = time.monotonic
    settings = loaded.settings
    decider = _decider(loaded, catalog)
    bus = Bus(observers if decider.sessions is None else (*observers, decider.sessions))
    router = Router(
        catalog=catalog,
        decider=decider,
        caller=ModelCaller(providers=providers or {}, upstreams=upstreams or {}, gate=EgressGate(), clock=clock),
        bus=bus,
        clock=clock,
        now=time.time,
        request_timeout_s=settings.server.request_timeout_s,
        log_prompts=settings.ledger.log_prompts,
        max_fallbacks=settings.resilience.max_fallbacks,
        num_retries=settings.resilience.num_retries,
        continue_streams=settings.resilience.continue_streams,
        hedge_after_s=settings.resilience.hedge.after_s if settings.resilience.hedge is not None else None,
        budget=RetryBudget(
            share=settings.resilience.retry_budget.share, at_least=settings.resilience.retry_budget.at_least
        ),
    )
    router.health.listeners.append(lambda old, new: bus.emit(HealthChanged(at_s=time.time(), old=old, new=new)))
    return router


def _decider(loaded: Loaded, catalog: Catalog) -> Decider:
    settings = loaded.settings
    sizes = ContextSizes(book=ContextBook(clock=time.monotonic))
    strategies = strategies_of(loaded, catalog, accepted_tiers(loaded), learned_shifts(loaded))
    return Decider(
        catalog=catalog,
        chain=Chain(
            constraints=(PrivacyConstraint(), CapabilityConstraint(), ContextConstraint(sizes.window_of)),
            strategies=strategies,
            clock=time.perf_counter,
        ),
        selector=Selector(catalog=catalog, draw=random.random),
        policy=PrivacyPolicy(PrivacyMode(settings.privacy.mode)),
        health=Availability(
            clock=time.monotonic, now=time.time, draw=random.random, tolerance=_tolerance(settings.resilience)
        ),
        consents=Consents(unattended_stops=settings.resilience.unattended == "stop"),
        features_of=features_of,
        new_id=_ids(),
        clock=time.perf_counter,
        standard_model=settings.model.name,
        refuse_unknown_models=settings.server.unknown_models == "refuse",
        sizes=sizes,
        escalations=escalations_of(loaded, catalog),
        sessions=sessions_of(loaded, strategies),
    )


def _tolerance(settings: ResilienceSettings) -> Tolerance:
    return Tolerance(
        allowed_fails=settings.allowed_fails,
        breaker_failures=settings.breaker_failures,
        cooldown_s=settings.cooldown_s,
        max_cooldown_s=settings.max_cooldown_s,
        ramp_s=settings.ramp_s,
    )


async def discovered(loaded: Loaded) -> tuple[Loaded, Discovery]:
    """*loaded* with the models of servers that run on this machine and of keys in the environment.

    Only loopback is asked, for at most half a second; a key is noticed, its provider is not called.
    """
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.http.probe import ask
    from pointsman.config.discover import PROBES, settings_from

    answers: dict[str, Json] = {}
    async with HttpClient() as client, asyncio.TaskGroup() as group:
        for probe in PROBES:
            group.create_task(ask(client, probe, answers))
    files = downloaded(loaded) if importlib.util.find_spec("xllamacpp") is not None else {}
    base = loaded.settings
    if len(files) > 1 and base.local.vram is None and base.server.workers == 1 and has_known_device():
        # They may be too many to be in memory at once.
        base = base.model_copy(update={"local": base.local.model_copy(update={"vram": "auto"})})
    found = settings_from(answers, environ(), base=base, files=files)
    return replace(loaded_from(found.settings, tree=loaded.tree), warnings=loaded.warnings), found


def with_demo(loaded: Loaded, say: Callable[[str], None] = lambda _text: None) -> Loaded:
    """*loaded* with the three built-in demonstration models, made on first use and kept in the user's cache folder."""
    from pointsman.adapters.runtimes.demo.cache import ensure_demo_models
    from pointsman.config.discover import settings_for_demo

    made = {model.name: model for model in ensure_demo_models(platformdirs.user_cache_path("pointsman"), say)}
    settings = settings_for_demo({name: str(model.path) for name, model in made.items()}, base=loaded.settings)
    models = []
    for entry in settings.models:
        window = {"context_tokens": made[entry.name].context_tokens}
        gguf = entry.gguf.model_copy(update={**window, "parallel": DEMO_SLOTS}) if entry.gguf else None
        models.append(entry.model_copy(update={**window, "gguf": gguf}))
    settings = settings.model_copy(update={"models": models})
    return replace(loaded_from(settings, tree=loaded.tree), warnings=loaded.warnings)


def _ids() -> Callable[[], str]:
    """Fresh ids of 16 hexadecimal digits: 8 of time in fiftieths of a second, 3 of this process, 5 that count.

    In the order of time, so that the ledger's index grows at its end: random ids cost it a page each. The first 8 tell
    apart what a person asks; they begin anew after 2.7 years, the whole id does not repeat before that.
    """
    process = secrets.randbits(12)
    counter = itertools.count(secrets.randbits(20))
    return lambda: f"{int(time.time() * 50) & 0xFFFFFFFF:08x}{process:03x}{next(counter) & 0xFFFFF:05x}"


def decide_only(loaded: Loaded) -> Router:
    """A router that decides and calls nobody: no connection, no ledger, no model started, no judge asked."""
    return make_router(loaded, loaded.catalog)


@asynccontextmanager
async def open_decider(loaded: Loaded, *, embedded: Mapping[str, str] = NO_ENDPOINTS) -> AsyncIterator[Router]:
    """A router that decides and calls nobody but the local judge, where one is configured and served."""
    from pointsman.adapters.http.client import HttpClient

    async with HttpClient() as client:
        yield with_judge(make_router(loaded, build_catalog(loaded.settings, embedded)), loaded, client)


def judge_alone(loaded: Loaded) -> Loaded:
    """*loaded* with no GGUF model to be started but the one that judges."""
    card = judge_card(loaded.settings.classifier, loaded.catalog)
    return replace(loaded, gguf_models=tuple(m for m in loaded.gguf_models if card is not None and m.id == card.id))


@contextmanager
def embedded_models(loaded: Loaded, say: Callable[[str], None] = lambda _text: None) -> Iterator[Mapping[str, str]]:
    """Starts the configuration's GGUF models in this process; gives their base URLs by card id, stops them at the end.

    Loading holds the interpreter, so do it before serving. RuntimeUnavailable and ConfigError say what is missing.
    """
    if not loaded.gguf_models:
        yield NO_ENDPOINTS
        return
    files = model_files(loaded)
    if loaded.settings.local.vram is not None:  # `open_household` loads them as they are needed
        from pointsman.adapters.runtimes.llama_children import with_ports

        yield {name: f"http://127.0.0.1:{file.port}/v1" for name, file in with_ports(files).items()}
        return
    from pointsman.adapters.runtimes.embedded_llama import EmbeddedRuntime

    with EmbeddedRuntime() as runtime:
        urls = {}
        for name, file in files.items():
            say(f"loading {file.path}")
            urls[name] = f"{runtime.start(file).base_url}/v1"
        yield urls


@asynccontextmanager
async def open_router(
    loaded: Loaded,
    *,
    embedded: Mapping[str, str] = NO_ENDPOINTS,
    ledger: bool = True,
    observers: Sequence[Observer] = (),
) -> AsyncIterator[Router]:
    """A router that calls models: connections, providers and the ledger, closed at the end.

    *embedded* are the addresses that `embedded_models` gave. Use it on the event loop that will serve.
    """
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.providers.http_provider import HttpProvider
    from pointsman.adapters.runtimes.ollama_cloud import with_cloud_marked
    from pointsman.dialects.registry import UPSTREAMS

    await asyncio.to_thread(make_ready, loaded)  # a reload must not hold up the requests
    catalog = await with_cloud_marked(build_catalog(loaded.settings, embedded))
    missing = [model.id for model in loaded.gguf_models if model.id not in embedded]
    if missing:
        message = f"The GGUF models {', '.join(missing)} have not been started."
        raise RuntimeUnavailable(message, hint="Enter `embedded_models(loaded)` first.")
    async with HttpClient() as client:
        endpoints = {card.endpoint.name: card.endpoint for card in catalog.models}
        providers = {name: HttpProvider(endpoint, client) for name, endpoint in endpoints.items()}
        wants_ledger = ledger and loaded.settings.ledger.enabled
        with (
            observing_ledger(loaded, wanted=wants_ledger) as sinks,
            reading_signs(loaded, catalog, wanted=wants_ledger) as signs,
        ):
            router = make_router(
                loaded,
                catalog,
                providers=providers,
                upstreams=UPSTREAMS,
                observers=(*sinks, *signs, *observers),
            )
            router = with_judge(router, loaded, client)
            windows = router.decider.sizes.sizes_now
            async with open_household(loaded, catalog, embedded, client, windows=windows) as household:
                if household is not None:
                    router = in_household(router, household)
                with shared_healths(loaded, router.health, wanted=wants_ledger):
                    async with shared_sessions(loaded, router.decider, signs, wanted=wants_ledger):
                        yield router
