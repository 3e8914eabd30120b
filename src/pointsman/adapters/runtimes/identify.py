"""Which program serves an endpoint on this machine, by what only that program answers, and the runtime to match.

asked, in this order   the answer of
/api/v1/models         LM Studio: a list of `models` (one before 0.4 has /api/v0/models)
/running               llama-swap: a list `running`
/api/ps                Ollama: a list of `models`, also where its OpenAI API is used
/v1/models             vLLM, llama-server, LiteRT-LM: `owned_by`, and a `status` at llama-server's router;
                       501 is LiteRT-LM with Gemini's API, which knows no GET
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pointsman.adapters.runtimes import litert, llama_server, llama_swap, lm_studio, ollama, vllm
from pointsman.adapters.runtimes.local_api import Answer, LocalApi, Patience, headers_of, root_of, rows_of, text_in
from pointsman.core.errors import RuntimeUnavailable

if TYPE_CHECKING:
    from pointsman.adapters.http.client import HttpClient
    from pointsman.core.catalog import Endpoint
    from pointsman.core.ports import LocalRuntime


class Kind(StrEnum):
    """A program that serves local models."""

    OLLAMA = "ollama"
    LLAMA_SERVER = "llama_server"
    LLAMA_SWAP = "llama_swap"
    LM_STUDIO = "lm_studio"
    VLLM = "vllm"
    LITERT = "litert"


_OWNERS: Final = (("llamacpp", Kind.LLAMA_SERVER), ("vllm", Kind.VLLM), ("litert", Kind.LITERT))
_BY_NAME: Final = MappingProxyType({  # as `config.discover` and a provider before a model's name call an endpoint
    "ollama": Kind.OLLAMA,
    "lm_studio": Kind.LM_STUDIO,
    "llama_cpp": Kind.LLAMA_SERVER,
    "vllm": Kind.VLLM,
    "litert_lm": Kind.LITERT,
})  # fmt: skip
_STARTS: Final = MappingProxyType({
    Kind.OLLAMA: (ollama.TITLE, ollama.START),
    Kind.LLAMA_SERVER: (llama_server.TITLE, llama_server.START),
    Kind.LLAMA_SWAP: (llama_swap.TITLE, llama_swap.START),
    Kind.LM_STUDIO: (lm_studio.TITLE, lm_studio.START),
    Kind.VLLM: (vllm.TITLE, vllm.START),
    Kind.LITERT: (litert.TITLE, litert.START),
})  # fmt: skip


async def runtime_for(
    endpoint: Endpoint,
    client: HttpClient,
    *,
    setup_of: Callable[[str], ollama.Setup] = lambda _model: ollama.Setup(),
    names: Collection[str] = (),
    patience: Patience | None = None,
    now: Callable[[], float] = time.time,
) -> LocalRuntime | None:
    """The runtime behind *endpoint*; None when it is not on this machine, or serves in a way nobody here knows.

    *setup_of* is what Ollama's models are loaded with, *names* what they are called by. Where the program does not
    answer now, the endpoint's name tells which it is.
    """
    if not endpoint.is_local or endpoint.base_url.startswith("embedded:"):
        return None
    target, headers, waits = root_of(endpoint.base_url), headers_of(endpoint), patience or Patience()
    probe = LocalApi(
        client=client, target=target, title=endpoint.name, start="Start it.", headers=headers, patience=waits
    )
    kind = await _kind(endpoint, probe)
    if kind is None:
        return None
    title, start = _STARTS[kind]
    api = LocalApi(client=client, target=target, title=title, start=start, headers=headers, patience=waits)
    match kind:
        case Kind.OLLAMA:
            speaks_its_own = endpoint.dialect == Kind.OLLAMA
            setups = setup_of if speaks_its_own else _without_options(setup_of)
            return ollama.OllamaRuntime(api=api, setup_of=setups, names=names, now=now)
        case Kind.LLAMA_SERVER:
            return llama_server.LlamaServerRuntime(api=api)
        case Kind.LLAMA_SWAP:
            return llama_swap.LlamaSwapRuntime(api=api)
        case Kind.LM_STUDIO:
            return lm_studio.LmStudioRuntime(api=api)
        case Kind.VLLM:
            return vllm.VllmRuntime(api=api)
        case Kind.LITERT:
            return litert.LiteRtRuntime(api=api, is_gemini=endpoint.dialect == "gemini")


async def can_unload(runtime: LocalRuntime) -> bool:
    """Whether *runtime* can be told to give a model's memory back; one that is down is taken to be able to."""
    match runtime:
        case litert.LiteRtRuntime():
            return False
        case llama_server.LlamaServerRuntime() | vllm.VllmRuntime():
            try:
                return await runtime.can_unload()
            except RuntimeUnavailable:
                return True
        case _:
            return True


async def _kind(endpoint: Endpoint, api: LocalApi) -> Kind | None:
    if endpoint.dialect == Kind.OLLAMA:
        return Kind.OLLAMA
    try:
        return await kind_at(api)
    except RuntimeUnavailable:
        return _BY_NAME.get(endpoint.name.partition("#")[0])


async def kind_at(api: LocalApi) -> Kind | None:
    """Which program answers there; None when it is none of these, RuntimeUnavailable when nobody answers."""
    for path, list_name, kind in (
        ("/api/v1/models", "models", Kind.LM_STUDIO),
        ("/running", "running", Kind.LLAMA_SWAP),
        ("/api/ps", "models", Kind.OLLAMA),
    ):
        answer = await api.get(path)
        if answer.is_good and isinstance(answer.fields.get(list_name), list):
            return kind
    if any(row.get("state") for row in rows_of(await api.get("/api/v0/models"), "data")):
        return Kind.LM_STUDIO
    return by_models(await api.get("/v1/models"))


def by_models(answer: Answer) -> Kind | None:
    """Which program lists its models like this."""
    if answer.status == HTTPStatus.NOT_IMPLEMENTED and "<html" in answer.text.lower():
        return Kind.LITERT
    rows = list(rows_of(answer, "data"))
    if any(isinstance(row.get("status"), dict) for row in rows):
        return Kind.LLAMA_SERVER
    owners = {text_in(row, "owned_by").lower() for row in rows}
    return next((kind for owner, kind in _OWNERS if any(one.startswith(owner) for one in owners)), None)


def _without_options(setup_of: Callable[[str], ollama.Setup]) -> Callable[[str], ollama.Setup]:
    """Ollama's OpenAI API takes no options: a load with some would only be undone by the first request."""
    return lambda model: ollama.Setup(keep_alive=setup_of(model).keep_alive)
