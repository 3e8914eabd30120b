"""The composition of shadow mode: whose copies go where, who keeps the books, and which local models are in memory.

Part of the composition root, above `stores`: the gateway enters it where the configuration says `shadow`.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Presence
from pointsman.engine.residency import ResidentLimits
from pointsman.stores import ledger_path

if TYPE_CHECKING:
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.storage.shadows import ShadowFile
    from pointsman.config.load import Loaded
    from pointsman.config.schema_shadow import ShadowRule, ShadowSettings
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.ports import LocalRuntime
    from pointsman.engine.residency import Residency
    from pointsman.engine.router import Router
    from pointsman.engine.shadow.owner import Shadows
    from pointsman.engine.shadow.room import Room
    from pointsman.engine.shadow.rules import Allowance, Rule


ASK_AGAIN_S: Final = 60.0
"""Seconds after which a local server that nobody knows is asked once more what it is: it may not have been up."""


def shadow_file(loaded: Loaded) -> ShadowFile:
    """The copies made so far; an absent file reads as empty."""
    from pointsman.adapters.storage.shadows import ShadowFile, shadows_path

    return ShadowFile(shadows_path(ledger_path(loaded)))


@asynccontextmanager
async def open_shadows(loaded: Loaded, router: Router) -> AsyncIterator[tuple[Router, Shadows | None]]:
    """*router* as callers' requests are to use it, and who copies them; as it is, and None, where nobody does."""
    settings = loaded.settings.shadow
    given = [one for one in settings.all_rules() if one.sample]
    if not given or not loaded.settings.ledger.enabled:
        yield router, None
        return
    from pointsman.adapters.http.client import HttpClient
    from pointsman.engine.shadow.asking import Asker
    from pointsman.engine.shadow.books import Books
    from pointsman.engine.shadow.copying import Bench
    from pointsman.engine.shadow.owner import Shadows
    from pointsman.engine.shadow.pauses import Pauses
    from pointsman.engine.shadow.room import BeforeCopies

    async with HttpClient() as client:
        with closing(shadow_file(loaded)) as store:
            room = _room(router, client)
            bench = Bench(
                asker=Asker(caller=router.caller, sizes=router.decider.sizes, now=time.time),
                books=Books(store=store, budget_usd=settings.budget_usd_per_day, now=time.time),
                room=room,
                allowance=_allowance(settings),
                judge=_card(router.catalog, settings.judge),
                keeps_text=loaded.settings.ledger.log_prompts,
                clock=router.clock,
                now=time.time,
                pauses=Pauses(clock=router.clock),
            )
            shadows = Shadows(
                rules=[_rule(one) for one in given],
                catalog=router.catalog,
                health=router.health,
                bench=bench,
                draw=random.random,
                prepared=router.decider.prepared,
            )
            async with shadows:
                yield replace(router, limits=BeforeCopies(entrance=router.limits, room=room)), shadows


@dataclass(frozen=True, slots=True, kw_only=True)
class InMemory:
    """Whether local models are in memory: as the residency says, else as their servers do, where these swap models."""

    catalog: Catalog
    client: HttpClient
    residency: Residency | None
    clock: Callable[[], float] = time.monotonic
    _runtimes: dict[str, tuple[float, LocalRuntime | None]] = field(default_factory=dict)  # by endpoint; when found

    async def __call__(self, card: ModelCard) -> bool:
        """Whether *card*'s model can answer without one being loaded; no where its server does not say."""
        if self.residency is not None and self.residency.manages(card):
            return self.residency.scheduler.presence(card.id) is Presence.LOADED
        from pointsman.adapters.runtimes.identify import can_unload

        try:
            runtime = await self._runtime(card)
            if runtime is None or not await can_unload(runtime):
                return True  # it serves one model, or nobody knows of another
            running = await runtime.running()
        except RuntimeUnavailable:
            return False
        return any(one.model == card.upstream_model and one.presence is Presence.LOADED for one in running)

    async def _runtime(self, card: ModelCard) -> LocalRuntime | None:
        from pointsman.adapters.runtimes.identify import runtime_for

        asked_s, known = self._runtimes.get(card.endpoint.name, (float("-inf"), None))
        if known is not None or self.clock() - asked_s < ASK_AGAIN_S:
            return known
        names = tuple(one.upstream_model for one in self.catalog.models if one.endpoint is card.endpoint)
        found = await runtime_for(card.endpoint, self.client, names=names)
        self._runtimes[card.endpoint.name] = self.clock(), found
        return found


def _room(router: Router, client: HttpClient) -> Room:
    from pointsman.engine.shadow.room import Room

    memory = router.decider.memory
    residency = memory.residency if memory is not None else None
    return Room(
        places=router.limits.limits if isinstance(router.limits, ResidentLimits) else router.limits,
        in_memory=InMemory(catalog=router.catalog, client=client, residency=residency),
        shares_memory=residency.manages if residency is not None else _shares_nothing,
    )


def _shares_nothing(_card: ModelCard) -> bool:
    return False


def _rule(given: ShadowRule) -> Rule:
    from pointsman.engine.shadow.rules import Rule

    return Rule(model=given.model, sample=given.sample, tiers=frozenset(given.tiers), kinds=frozenset(given.kinds))


def _allowance(settings: ShadowSettings) -> Allowance:
    from pointsman.engine.shadow.rules import Allowance

    return Allowance(
        most_at_once=settings.concurrency,
        timeout_s=settings.timeout_s,
        max_prompt_tokens=settings.max_prompt_tokens,
        max_output_tokens=settings.max_output_tokens,
    )


def _card(catalog: Catalog, name: str | None) -> ModelCard | None:
    pool = catalog.pools.get(catalog.resolve(name), ()) if name is not None else ()
    return next((card for card in pool if card.is_local), None)
