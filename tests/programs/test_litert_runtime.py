"""The real LiteRT-LM told what to hold, by each of its two APIs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.adapters.http import HttpClient
from pointsman.adapters.runtimes.identify import runtime_for
from pointsman.adapters.runtimes.litert import LiteRtRuntime
from pointsman.core.catalog import Endpoint
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Running
from tests.programs.test_litert import NAME, litert_lm

pytestmark = [pytest.mark.programs, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("api", "dialect", "path"), [("openai", "openai_chat", "/v1"), ("gemini", "gemini", "/v1beta")]
)
async def test_litert_lm_is_found_out_and_loads(tmp_path: Path, api: str, dialect: str, path: str) -> None:
    """And says of a model that it does not have how to get it, though its error is no proper HTTP."""
    async with litert_lm(tmp_path, api) as url, HttpClient() as client:
        endpoint = Endpoint(name="home", dialect=dialect, base_url=f"{url}{path}", is_local=True)
        runtime = await runtime_for(endpoint, client)
        assert isinstance(runtime, LiteRtRuntime)
        assert await runtime.running() == []
        assert await runtime.load(NAME) == Running(model=NAME, slots=1)
        with pytest.raises(RuntimeUnavailable, match=r"could not load none\. `litert-lm list` shows its models"):
            await runtime.load("none")
        assert await runtime.running() == [Running(model=NAME, slots=1)]
