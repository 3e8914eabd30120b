"""Asking a server on this machine what models it has, and Ollama besides how much each of them can read.

What Ollama's `/api/show` says is put into the rows of its list: `context_length` is what the model was made for,
`num_ctx` what its Modelfile loads it with.
"""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from pointsman.adapters.http.errors import TransportError
from pointsman.adapters.http.target import Target
from pointsman.config.discover import OLLAMA, TIMEOUT_S

if TYPE_CHECKING:
    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.http.head import Method
    from pointsman.config.discover import Probe
    from pointsman.core.jsontypes import Json, JsonObject

MAX_PROBE_BYTES: Final = 4 * 1024 * 1024
MAX_SHOWN: Final = 32
"""More models than this are listed without their windows."""
_SHOW = "/api/show"


async def ask(client: HttpClient, probe: Probe, answers: dict[str, Json]) -> None:
    """Put the probe's JSON into *answers*; nothing when nobody, or nobody who speaks JSON, is there."""
    deadline = asyncio.get_running_loop().time() + TIMEOUT_S
    answer = await _json(client, "GET", probe.url, deadline)
    if answer is None:
        return
    answers[probe.name] = answer
    if probe.name == OLLAMA:
        async with asyncio.TaskGroup() as group:
            for row in list(_rows(answer))[:MAX_SHOWN]:
                group.create_task(_show(client, probe, row, deadline))


def _rows(answer: Json) -> Iterator[JsonObject]:
    rows = answer.get("models") if isinstance(answer, Mapping) else None
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("name"), str) and not row.get("remote_host"):
            yield row


async def _show(client: HttpClient, probe: Probe, row: JsonObject, deadline: float) -> None:
    body = json.dumps({"model": row["name"]}).encode()
    shown = await _json(client, "POST", f"{probe.base_url}{_SHOW}", deadline, body)
    if isinstance(shown, Mapping):
        row.update(windows_in(shown))


def windows_in(shown: Mapping[str, Json]) -> JsonObject:
    """`context_length` and `num_ctx` as an answer of `/api/show` has them, each only where it is there.

    {"model_info": {"qwen3.context_length": 40960}, "parameters": "num_ctx 16384"}
    -> {"context_length": 40960, "num_ctx": 16384}
    """
    found: JsonObject = {}
    info, parameters = shown.get("model_info"), shown.get("parameters")
    for name, value in info.items() if isinstance(info, Mapping) else ():
        if name.endswith(".context_length") and isinstance(value, int) and value > 0:
            found["context_length"] = value
    for line in parameters.splitlines() if isinstance(parameters, str) else ():
        words = line.split()
        if words[:1] == ["num_ctx"] and len(words) > 1 and words[1].isascii() and words[1].isdecimal():
            found["num_ctx"] = int(words[1])
    return found


async def _json(client: HttpClient, method: Method, url: str, deadline: float, body: bytes = b"") -> Json:
    """The JSON of a good answer; None when there is none in time."""
    headers = ((b"content-type", b"application/json"),) if body else ()
    try:
        async with await client.request(method, Target.parse(url), headers, body, deadline=deadline) as response:
            answer = await response.read(MAX_PROBE_BYTES)
            found: Json = json.loads(answer) if response.status == http.HTTPStatus.OK else None
    except (TransportError, ValueError, RecursionError):
        return None
    return found
