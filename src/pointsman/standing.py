"""What this gateway's models take of the memory now, who uses them and who waits: for `/v1/memory` and the page.

Part of the composition root, beside `household`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.config.classifier import judge_card
from pointsman.core.local import Presence
from pointsman.inventory import Stocked, has_device_memory, judge_apart, local_footprints, memory_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pointsman.config.load import Loaded
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.core.local import Footprint
    from pointsman.engine.router import Router
    from pointsman.engine.swap import SwapAware

SERVED = "served"
"""The presence of a judge beside the gateway: somebody else has it in memory."""


def memory_view(loaded: Loaded, router: Router) -> Callable[[], JsonObject]:
    """A function that tells how the memory stands; it asks nobody and takes microseconds."""
    memory, judge = router.decider.memory, judge_card(loaded.settings.classifier, router.catalog)
    judge_id = judge.id if judge is not None else None
    local = frozenset(card.endpoint.name for card in router.catalog.models if card.is_local)
    if memory is None:
        has_files = bool(loaded.gguf_models)
        sizes = local_footprints(loaded, has_device=has_device_memory()) if has_files else {}
        return lambda: {**_without_budget(loaded, router, sizes, judge_id), "endpoints": _lines(router, local)}
    device, _, has_device = memory_budget(loaded)
    apart = judge_apart(loaded, has_device=has_device)
    return lambda: {
        "device": device.source,
        **_with_budget(memory, judge_id, apart),
        "endpoints": _lines(router, local),
    }


def _with_budget(memory: SwapAware, judge_id: str | None, apart: Stocked | None) -> JsonObject:
    residency = memory.residency
    found = residency.scheduler.standing()
    waiting: dict[str, int] = {}
    for one in found.queue:
        waiting[one.model] = waiting.get(one.model, 0) + 1
    models: list[Json] = [
        {
            "model": one.name,
            "runtime": residency.housed[one.name].runtime.name,
            "presence": one.presence.value,
            "pinned": one.is_pinned,
            "judge": one.name == judge_id,
            "busy": one.busy,
            "waiting": waiting.get(one.name, 0),
            "size_bytes": one.size_bytes,
            "load_s": round(one.load_s, 1),
            "tokens_per_s": round(one.tokens_per_s, 1) if one.tokens_per_s is not None else None,
        }
        for one in found.models
    ]
    taken = 0
    if apart is not None:
        taken = apart.size_bytes or 0
        models.append(_unmanaged(apart.name, apart.beside, apart.size_bytes, SERVED, is_judge=True))
    queue: list[Json] = [
        {"model": one.model, "position": one.position, "eta_s": round(one.eta_s, 1), "waited_s": round(one.waited_s, 1)}
        for one in found.queue
    ]
    return {
        "budget_bytes": found.budget_bytes + taken,
        "free_bytes": found.free_bytes,
        "models": models,
        "queue": queue,
    }


def _without_budget(
    loaded: Loaded, router: Router, sizes: Mapping[str, Footprint | None], judge_id: str | None
) -> JsonObject:
    """The GGUF models, which are all in this gateway's memory from its start to its end."""
    loads = router.limits.loads()
    models: list[Json] = []
    for one in loaded.gguf_models:
        size, load = sizes.get(one.id), loads.get(router.catalog.by_id[one.id].endpoint.name)
        known = size.total_bytes if size is not None else None
        model = _unmanaged(one.id, "llama.cpp", known, Presence.LOADED, is_judge=one.id == judge_id)
        models.append({**model, "busy": load.inside if load else 0, "waiting": load.waiting if load else 0})
    return {"device": None, "budget_bytes": None, "free_bytes": None, "models": models, "queue": []}


def _unmanaged(name: str, runtime: str, size_bytes: int | None, presence: str, *, is_judge: bool) -> JsonObject:
    return {
        "model": name,
        "runtime": runtime,
        "presence": str(presence),
        "pinned": True,
        "judge": is_judge,
        "busy": None,
        "waiting": 0,
        "size_bytes": size_bytes,
        "load_s": None,
        "tokens_per_s": None,
    }


def _lines(router: Router, local: frozenset[str]) -> list[Json]:
    """The local endpoints that were asked so far: requests under way, how many may be, and how many wait."""
    return [
        {"endpoint": name, "busy": load.inside, "slots": load.limit, "waiting": load.waiting}
        for name, load in router.limits.loads().items()
        if name in local
    ]
