"""One strict scripted model behind five APIs, and the gateway's own process in front of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import pytest
import yaml

from tests.clients.upstream.server import Upstream, in_a_thread

POINTSMAN: Final = Path(sys.executable).parent / "pointsman"
UPSTREAMS: Final[Mapping[str, tuple[str, str]]] = {
    "openai_chat": ("/v1", "openai/scripted"),
    "openai_responses": ("/v1", "scripted"),
    "anthropic_messages": ("/v1", "scripted-alternating"),
    "gemini": ("/v1beta", "gemini-3-scripted"),
    "ollama": ("", "scripted"),
}
ALIASES: Final = {"qwen2.5:3b": "ollama", "org/model:free": "openai_chat"}
THINKERS: Final = ("gpt-5", "claude-sonnet-4-5", "gemini-3")
_LISTENING: Final = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A gateway, and the server behind it."""

    url: str
    upstream: Upstream


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs programs installed runs when it is asked for by its marker only."""
    if "programs" not in (config.option.markexpr or ""):
        left_out = [item for item in items if item.get_closest_marker("programs")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@contextmanager
def serving(config: Mapping[str, object], folder: Path) -> Iterator[str]:
    """`pointsman serve` on a configuration; its base URL."""
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    environment = {**os.environ, "POINTSMAN_LEDGER__PATH": str(folder / "ledger.sqlite"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [POINTSMAN, "serve", "--config", path, "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr
    with said:
        try:
            url = _base_url(said)
            rest = threading.Thread(target=said.read, daemon=True)  # so that the pipe never fills
            rest.start()
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)
        rest.join(timeout=20)


def _base_url(lines: IO[str]) -> str:
    """Where the process that says *lines* listens."""
    said = ""
    for line in lines:
        said += line
        found = _LISTENING.search(line)
        if found:
            return found[0]
    pytest.fail(f"the gateway did not start:\n{said}")


def models_behind(upstream: Upstream, *, is_alternating: bool = True) -> list[dict[str, object]]:
    """A model for each API of *upstream*, by the API's name, as `models` of a pointsman.yaml.

    *is_alternating*: Anthropic's wants the speakers to take turns.
    """
    return [
        {
            "name": dialect,
            "model": model if is_alternating else model.removesuffix("-alternating"),
            "base_url": f"{upstream.url}{version}",
            **({} if model.startswith("openai/") else {"dialect": dialect}),
            "api_key": "upstream-key",
            "local": True,
        }
        for dialect, (version, model) in UPSTREAMS.items()
    ]


@pytest.fixture(scope="session")
def five() -> Iterator[Upstream]:
    """The scripted model."""
    with in_a_thread() as running:
        yield running


@pytest.fixture(scope="session")
def five_gateway(five: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that knows the scripted model by each of its APIs."""
    unmarked = {"transient": {"action": "silent", "state": "none"}}  # a failure of one test is no news in the next
    resilience: dict[str, object] = {"num_retries": 0, "policies": {"*": unmarked}}
    config: dict[str, object] = {"models": models_behind(five), "resilience": resilience}
    config["aliases"] = ALIASES | {f"{thinker}-{one}": one for thinker in THINKERS for one in UPSTREAMS}
    with serving(config, tmp_path_factory.mktemp("gateway")) as url:
        yield url


@pytest.fixture(scope="session")
def locked(five: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that wants the key "sesame" and knows no other names than its models'."""
    server = {"master_key": "sesame", "unknown_models": "refuse"}
    config = {"models": models_behind(five), "server": server}
    with serving(config, tmp_path_factory.mktemp("locked")) as url:
        yield url


@pytest.fixture
def place(five: Upstream, five_gateway: str) -> Place:
    """The two, and nothing asked yet."""
    five.forget()
    return Place(url=five_gateway, upstream=five)
