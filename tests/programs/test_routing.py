"""What a person types decides, not the thousands of tokens that a program writes around it."""

from __future__ import annotations

import shlex

import pytest

from tests.programs import install as programs
from tests.programs.conftest import Obedient, PlaceOf
from tests.programs.guide import typed_after
from tests.programs.install import Program

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]
EASY = "What is 2+2?"
HARD = (
    "Analyze the architecture of a distributed database step by step, compare the consensus algorithms, "
    "prove that the protocol is correct and explain the tradeoffs of its design."
)
LINES = (
    pytest.param(programs.CLAUDE_CODE, "claude -p {}", id="claude-code"),
    pytest.param(programs.CODEX, "codex exec --skip-git-repo-check {}", id="codex"),
    pytest.param(programs.GEMINI_CLI, "gemini --skip-trust -p {}", id="gemini-cli"),
    pytest.param(
        programs.AIDER,
        "aider --model openai/auto --no-show-model-warnings --yes-always --no-git --no-pretty --message {}",
        id="aider",
    ),
    pytest.param(programs.LLM, "llm -m pm {}", id="llm"),
)


@pytest.mark.parametrize(("program", "line"), LINES)
async def test_an_easy_question_goes_to_a_small_model_and_a_hard_one_to_a_large(
    program: Program, line: str, obedient: Obedient, place_of: PlaceOf
) -> None:
    """With `auto`, whatever prompt, tools and reminders the program adds."""
    async with obedient() as (base_url, server):
        place = place_of(program, base_url)
        await typed_after(program.name, place, line.format(shlex.quote(EASY)))
        n_easy = len(server.bodies)
        await typed_after(program.name, place, line.format(shlex.quote(HARD)))
    asked = [body["model"] for body in server.bodies]
    assert (set(asked[:n_easy]), set(asked[n_easy:])) == ({"small"}, {"large"})
