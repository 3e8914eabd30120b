"""Each guide does, line by line, what it says, and the answers come from a llama.cpp model on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.docs.snippets import missing_line
from tests.programs import install as programs
from tests.programs.conftest import Local, PlaceOf
from tests.programs.guide import follow, prepare
from tests.programs.install import Program
from tests.programs.local_model import Act

pytestmark = [pytest.mark.programs, pytest.mark.timeout(600)]
WEATHER = Act(tool="get_weather", arguments='{"city": "Oslo"}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A page, what it installs, and what the local model calls when it is told to use its tool."""

    page: str
    program: Program
    act: Act = WEATHER


MADE_BY_TOOL = "made-by-tool.txt"
BASH = Act(tool="Bash", arguments=f'{{"command": "touch {MADE_BY_TOOL}", "description": "Make a file"}}')
EXEC_COMMAND = Act(tool="exec_command", arguments=f'{{"cmd": "touch {MADE_BY_TOOL}"}}')
RUN_SHELL_COMMAND = Act(tool="run_shell_command", arguments=f'{{"command": "touch {MADE_BY_TOOL}"}}')
CASES = (
    Case(page="claude-code", program=programs.CLAUDE_CODE, act=BASH),
    Case(page="codex", program=programs.CODEX, act=EXEC_COMMAND),
    Case(page="gemini-cli", program=programs.GEMINI_CLI, act=RUN_SHELL_COMMAND),
    Case(page="llm", program=programs.LLM, act=Act(tool="llm_version", arguments="{}")),
    Case(page="aider", program=programs.AIDER),
    Case(page="crewai", program=programs.CREWAI),
    Case(page="autogen", program=programs.AUTOGEN),
    Case(page="openai-agents", program=programs.OPENAI_AGENTS),
    Case(page="langchain", program=programs.LANGGRAPH),
    Case(page="langgraph", program=programs.LANGGRAPH),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.page)
async def test_a_guide_is_followed_line_by_line(case: Case, local: Local, place_of: PlaceOf) -> None:
    """Its files are written, its commands typed; each says what is shown, tool loops with the local model included."""
    async with local(case.act) as base_url:
        place = place_of(case.program, base_url)
        for said in await follow(case.page, place):
            missing = missing_line(said.command.shown, said.lines)
            assert missing is None, f"`{said.command.line}` did not say {missing!r} but:\n" + "\n".join(said.lines)
    if MADE_BY_TOOL in case.act.arguments:
        assert (place.folder / MADE_BY_TOOL).is_file()


async def test_the_agents_sdk_speaks_chat_completions_as_well(local: Local, place_of: PlaceOf) -> None:
    """The program of the guide, with the line that the page offers."""
    async with local(WEATHER) as base_url:
        place = place_of(programs.OPENAI_AGENTS, base_url)
        prepare("openai-agents", place)
        program = (place.folder / "agent.py").read_text(encoding="utf-8")
        other = 'from agents import set_default_openai_api\nset_default_openai_api("chat_completions")\n'
        place.write("other.py", other + program)
        code, said = await place.shell("python other.py")
    assert code == 0, said
    assert missing_line(["looked up: Oslo", "This is the small demo model. …"], said.splitlines()) is None
