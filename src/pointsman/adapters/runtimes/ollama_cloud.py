"""Which of a catalog's models an Ollama on this machine only passes on: text sent to those leaves the machine.

Most say so by their names, which the configuration knows. One made from such a model by `ollama cp` or `ollama create`
has any name; only Ollama tells, so it is asked at the start.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.adapters.http.client import HttpClient
from pointsman.adapters.runtimes.local_api import LocalApi, Patience, headers_of, root_of
from pointsman.adapters.runtimes.ollama import START, TITLE, same_model
from pointsman.adapters.runtimes.ollama_library import OllamaLibrary
from pointsman.core.errors import RuntimeUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import Catalog, Endpoint, ModelCard

log = logging.getLogger("pointsman.local")
PATIENCE: Final = Patience(answer_s=0.5)
"""One on this machine answers at once, or is not there."""


async def with_cloud_marked(catalog: Catalog) -> Catalog:
    """*catalog*, in which no model that Ollama passes on is local; the same one where there is none of them.

    An Ollama that does not answer has nothing to say.
    """
    endpoints = {card.endpoint for card in catalog.models if card.is_local and card.endpoint.dialect == "ollama"}
    if not endpoints:
        return catalog
    async with HttpClient() as client:
        answers = await asyncio.gather(*(_passed_on(endpoint, client) for endpoint in endpoints))
    passed_on = dict(zip(endpoints, answers, strict=True))
    if not any(answers):
        return catalog
    return replace(catalog, models=tuple(_marked(card, passed_on.get(card.endpoint, ())) for card in catalog.models))


async def _passed_on(endpoint: Endpoint, client: HttpClient) -> Sequence[str]:
    api = LocalApi(
        client=client,
        target=root_of(endpoint.base_url),
        title=TITLE,
        start=START,
        headers=headers_of(endpoint),
        patience=PATIENCE,
    )
    try:
        return [model.name for model in await OllamaLibrary(api=api).installed() if model.is_remote]
    except RuntimeUnavailable:
        return ()


def _marked(card: ModelCard, passed_on: Sequence[str]) -> ModelCard:
    if not any(same_model(card.upstream_model, name) for name in passed_on):
        return card
    log.warning("not-local model=%s endpoint=%s reason=ollama-passes-it-on", card.id, card.endpoint.name)
    return replace(
        card, endpoint=replace(card.endpoint, name=f"{card.endpoint.name}-cloud", is_local=False), price=None
    )
