"""When no model answers, a program set up as its guide says tells so, soon, and does not storm the gateway."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.programs import install as programs
from tests.programs.conftest import LEDGER, Gateway, PlaceOf
from tests.programs.guide import tried_after
from tests.programs.install import Program

pytestmark = [pytest.mark.programs, pytest.mark.timeout(120)]
NOBODY = {
    "name": "gone",
    "model": "gone",
    "base_url": "http://127.0.0.1:9/v1",
    "local": True,
    "context_tokens": 200_000,
}
REASON = "No model answered"


@pytest.mark.parametrize(
    ("program", "line", "n_requests"),
    [
        pytest.param(programs.CLAUDE_CODE, "claude -p hi", 2, id="claude-code"),
        pytest.param(programs.CODEX, "codex exec --skip-git-repo-check hi", 2, id="codex"),
        pytest.param(programs.GEMINI_CLI, "gemini --skip-trust -p hi", 1, id="gemini-cli"),
        pytest.param(programs.LLM, "llm -m pm hi", 1, id="llm"),
    ],
)
async def test_a_program_gives_up_soon_when_no_model_answers(
    program: Program, line: str, n_requests: int, gateway: Gateway, place_of: PlaceOf, tmp_path: Path
) -> None:
    """The gateway's reason is on the terminal, and it was asked so many times."""
    async with gateway({"models": [NOBODY]}) as base_url:
        code, said = await tried_after(program.name, place_of(program, base_url), line)
    assert code != 0
    assert REASON in said
    with closing(sqlite3.connect(tmp_path / LEDGER)) as ledger:
        assert ledger.execute("SELECT count(*) FROM requests").fetchone() == (n_requests,)
