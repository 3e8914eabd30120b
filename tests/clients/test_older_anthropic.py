"""Anthropic's package as it was at 0.86: the key in a header of its own, an earlier version, sampling settings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.environments import environment

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]
SCRIPT: Final = Path(__file__).parent / "outside" / "older_anthropic.py"


@pytest.mark.parametrize("model", UPSTREAMS)
def test_an_older_package_goes_on_working(place: Place, model: str) -> None:
    """Words, a tool loop, a count and the list of models, whatever API answers."""
    python = environment("clients-older") / "python"
    done = subprocess.run([python, SCRIPT, place.url, model], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    heard = json.loads(done.stdout)
    assert set(heard.pop("models")) >= set(UPSTREAMS)
    assert heard == {
        "version": "0.86.0",
        "streamed": "You said: Hello there",
        "arguments": {"town": "Ulm"},
        "answer": "The tools said: weather = sunny",
        "has_count": True,
    }
