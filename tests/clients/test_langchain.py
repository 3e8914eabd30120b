"""LangChain's conformance tests: what passes at a model passes through the gateway, in its API and in others."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from tests.clients.conftest import UPSTREAMS, models_behind, serving
from tests.clients.environments import environment
from tests.clients.upstream.server import Upstream

pytestmark = [pytest.mark.programs, pytest.mark.timeout(900)]
CLASSES: Final = Path(__file__).parent / "outside" / "langchain_classes.py"
SCOPES: Final = ("asyncio_default_test_loop_scope", "asyncio_default_fixture_loop_scope")
RUN_S: Final = 300
# Tests of what the model's own API has no word for, so that no gateway could carry it there.
BEYOND: Final = {
    "anthropic_messages": r"TestOpenAIEmbeddings::.*|.*::test_json_mode",  # neither embeddings nor JSON of any shape
    "ollama": r".*::test_tool_choice|.*::test_structured_output_pydantic_2_v1"  # no tool can be forced,
    r"|TestChatAnthropic::test_structured_output.*",  #                           which these rely on
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The tests of one run, by what became of them."""

    passed: frozenset[str]
    failed: frozenset[str]
    skipped: frozenset[str]

    @property
    def figures(self) -> str:
        """Passed, failed and skipped, and the passed of each class."""
        by_class = Counter(name.partition("::")[0] for name in self.passed)
        each = ", ".join(f"{name} {count}" for name, count in sorted(by_class.items()))
        return f"{len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped ({each})"


def run(url: str, models: Mapping[str, str], folder: Path) -> Run:
    """The classes at *url*, each with the model of its API."""
    report = folder / "report.xml"
    options = [option for scope in SCOPES for option in ("-o", f"{scope}=session")]
    done = subprocess.run(
        [
            *(environment("clients") / "python", "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", folder),
            *("--noconftest", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", *options),
            *("--disable-socket", "--allow-hosts=127.0.0.1,localhost", "--allow-unix-socket"),
            *("--tb=short", f"--junitxml={report}", CLASSES),
        ],
        env={**os.environ, "POINTSMAN_CLIENTS_URL": url, "POINTSMAN_CLIENTS_MODELS": json.dumps(dict(models))},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )
    assert report.is_file(), done.stdout + done.stderr
    found: dict[str, set[str]] = {"passed": set(), "failure": set(), "error": set(), "skipped": set()}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  our own child wrote it
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        outcome = next((child.tag for child in case if child.tag in found), "passed")
        found[outcome].add(name)
    return Run(
        passed=frozenset(found["passed"]),
        failed=frozenset(found["failure"] | found["error"]),
        skipped=frozenset(found["skipped"]),
    )


@pytest.fixture(scope="module")
def gateway(five: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway before the scripted model."""
    config = {"models": models_behind(five, is_alternating=False), "resilience": {"num_retries": 0}}
    with serving(config, tmp_path_factory.mktemp("gateway")) as url:
        yield url


@pytest.fixture(scope="module")
def direct(five: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The model reached without a gateway."""
    names = {
        dialect: model.removeprefix("openai/").removesuffix("-alternating") for dialect, (_, model) in UPSTREAMS.items()
    }
    return run(five.url, names, tmp_path_factory.mktemp("direct"))


def test_none_is_lost(gateway: str, direct: Run, tmp_path: Path) -> None:
    """As many pass through the gateway as at the model itself."""
    through = run(gateway, {dialect: dialect for dialect in UPSTREAMS}, tmp_path)
    print(f"\nLangChain, direct: {direct.figures}\nLangChain, through the gateway: {through.figures}")  # noqa: T201
    assert (direct.failed, direct.passed - through.passed) == (frozenset(), frozenset())


@pytest.mark.parametrize("model", UPSTREAMS)
def test_none_is_lost_in_translation(gateway: str, direct: Run, tmp_path: Path, model: str) -> None:
    """Nor when a model of another API answers all of them, but for what that API cannot say."""
    through = run(gateway, dict.fromkeys(UPSTREAMS, model), tmp_path)
    print(f"\nLangChain, answered by {model}: {through.figures}")  # noqa: T201
    lost = direct.passed - through.passed
    assert [name for name in sorted(lost) if not re.fullmatch(BEYOND.get(model, ""), name)] == []
