"""llama.cpp inside this process: serves GGUF files over HTTP on loopback through the `xllamacpp` package.

What a caller has to know about xllamacpp (seen with 2026.10.11549, llama.cpp build 11549):

* Loading. Expected: `Server(params)` lets other Python threads run while it loads. Actual: it holds the GIL until the
  model is ready (30 ms for the demo models, 0.5 s for 0.3 GB), so an event loop stands still meanwhile, in a worker
  thread too. Start models before serving.
* Stopping. Expected: dropping the last reference stops the server. Actual: it does, but it joins the HTTP threads with
  the GIL held, and those wait for answers that no longer come: with a request under way it blocks for ever. So `stop`
  waits for idle slots first, and a server that does not get idle is left to the end of the process, which is clean.
* Ending. Expected: the interpreter can drop a running server at its end. Actual: one time in twenty that blocks for
  ever. So a server that was not stopped keeps a reference that nobody drops, and ends with the process.
* Errors. Expected: the reason. Actual: always "Failed to init server, please check the input params."; hence the header
  check before. Garbage, truncation and wrong shapes after a valid magic were all refused, none ended the process.
* Context. `n_ctx` is the total over all slots, allocated even beyond what the model can use; hence the clamp.
* Tools. `tool_choice` "required" is enforced by grammar when the chat template prints tools. A named function is
  taken as "auto": send only that tool and "required". Several calls may come unless `parallel_tool_calls` is false.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from pointsman.adapters.runtimes.gguf_header import GgufHeader, read_gguf_header
from pointsman.core.errors import ConfigError, RuntimeUnavailable

_HOST = "127.0.0.1"
_IDLE_POLL_S = 0.02
_PROBE_TIMEOUT_S = 2.0
_STALLED_CLIENT_S = 30  # a client that does not read for so long is dropped: it would hold up `stop`
_PROMPT_CACHE_MIB = 256
_SILENT, _WARNINGS = -1, 2  # llama.cpp's verbosity, one for the whole process


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A GGUF file and how to serve it; `context_tokens` is what one request may use, None the model's own window."""

    path: Path
    alias: str
    context_tokens: int | None = None
    parallel_slots: int = 1
    threads: int | None = None  # None: as many as llama.cpp finds right
    gpu_layers: int | None = None  # None: as many as llama.cpp finds right; 0 keeps all on the CPU
    embedding: bool = False
    port: int = 0  # on 127.0.0.1; 0 takes a free one


class _Server(Protocol):
    """What is used of xllamacpp's server; it runs as long as it is referenced."""

    @property
    def listening_address(self) -> str:
        """Such as http://127.0.0.1:41234."""


class EmbeddedLlama:
    """One running server. It speaks llama.cpp's HTTP API (OpenAI, Anthropic and its own) at `base_url`."""

    def __init__(self, *, model: ModelFile, server: _Server, context_tokens: int) -> None:
        self.model = model
        self.context_tokens = context_tokens
        self.base_url = server.listening_address
        self._server: _Server | None = server
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))  # until it is stopped: see "Ending" above

    @property
    def is_running(self) -> bool:
        """Whether it has not been stopped."""
        return self._server is not None

    def stop(self, *, grace_s: float = 5.0) -> bool:
        """Wait up to *grace_s* seconds for requests under way, then free the port and the memory.

        False when it stays busy: then it is given up, and lives on until the process ends. Close the connections to it
        first: llama.cpp drops the work of a caller that has gone.
        """
        if self._server is None:
            return True
        is_idle = self._gets_idle(grace_s)
        if is_idle:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(self._server))
        self._server = None
        return is_idle

    def _gets_idle(self, grace_s: float) -> bool:
        deadline = time.monotonic() + grace_s
        tick = threading.Event()
        while not self._is_idle():
            if time.monotonic() >= deadline:
                return False
            tick.wait(_IDLE_POLL_S)
        return True

    def _is_idle(self) -> bool:
        connection = http.client.HTTPConnection(_HOST, urlsplit(self.base_url).port, timeout=_PROBE_TIMEOUT_S)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/slots")
                slots = json.loads(connection.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError):
                return False
        return isinstance(slots, list) and not any(slot.get("is_processing") for slot in slots)


class EmbeddedRuntime:
    """Owns embedded servers; leaving the context stops them all, the last started first.

    with EmbeddedRuntime() as runtime:
        llama = runtime.start(ModelFile(path=path, alias="small"))
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbosity = _WARNINGS if verbose else _SILENT
        self._running: dict[str, EmbeddedLlama] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[EmbeddedLlama]:
        return iter([llama for llama in self._running.values() if llama.is_running])

    def start(self, model: ModelFile) -> EmbeddedLlama:
        """Load *model* and serve it on a free port of 127.0.0.1; returns when it can answer.

        ConfigError: the file or a number is wrong. RuntimeUnavailable: xllamacpp is missing, or refuses the model.
        """
        _check(model)
        if model.alias in self._running and self._running[model.alias].is_running:
            raise ConfigError(f"The model {model.alias!r} is already running.", hint="Give each model its own alias.")
        header = read_gguf_header(model.path)
        context_tokens = _context_tokens(model, header)
        xllamacpp = _xllamacpp()
        params = _params(xllamacpp, model, context_tokens, self._verbosity)
        try:
            server: _Server = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as exc:
            raise RuntimeUnavailable(
                f"llama.cpp could not load {model.path} (architecture {header.architecture or 'unknown'!r}).",
                hint="It may be unsupported, damaged, or need more memory than is free; try a smaller context.",
            ) from exc
        llama = EmbeddedLlama(model=model, server=server, context_tokens=context_tokens)
        self._running[model.alias] = llama
        self._exit.callback(llama.stop)
        return llama

    def close(self) -> None:
        """Stop every server that still runs."""
        self._exit.close()


def _check(model: ModelFile) -> None:
    numbers = {
        "context_tokens": model.context_tokens,
        "parallel_slots": model.parallel_slots,
        "threads": model.threads,
    }
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ConfigError(f"The model {model.alias!r} has {name} {value}.", hint="It must be at least 1.")
    if model.gpu_layers is not None and model.gpu_layers < 0:
        message = f"The model {model.alias!r} has gpu_layers {model.gpu_layers}."
        raise ConfigError(message, hint="It must be at least 0.")


def _context_tokens(model: ModelFile, header: GgufHeader) -> int:
    """What was asked for, but no more than the model was made for."""
    window = header.metadata.get(f"{header.architecture}.context_length", 4096)
    most = int(window) if isinstance(window, int) else 4096
    return most if model.context_tokens is None else min(model.context_tokens, most)


def _xllamacpp() -> ModuleType:
    try:
        import xllamacpp
    except ImportError as exc:
        raise RuntimeUnavailable(
            "Serving a model file needs llama.cpp, which is not installed.",
            hint='Install it with: pip install "pointsman[local]"',
        ) from exc
    module: ModuleType = xllamacpp
    return module


def _params(xllamacpp: ModuleType, model: ModelFile, context_tokens: int, verbosity: int) -> object:
    params = xllamacpp.CommonParams()
    params.model.path = str(model.path)
    params.model_alias = {model.alias}
    params.hostnames, params.port = [_HOST], model.port
    params.n_ctx = context_tokens * model.parallel_slots
    params.n_parallel = model.parallel_slots
    params.use_jinja = True
    params.warmup = False
    params.verbosity = verbosity
    params.offline, params.ui = True, False
    params.cors_origins = f"http://{_HOST}"  # not "*": a web page must not read answers
    params.endpoint_slots = params.endpoint_metrics = True
    params.timeout_read = params.timeout_write = _STALLED_CLIENT_S
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    if model.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = model.threads
    if model.gpu_layers is not None:
        params.n_gpu_layers = model.gpu_layers
    if model.embedding:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return params
