"""Coding agents on a model that obeys: the tools they run, the models they ask for, and what comes back to them."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.wire import Scripted
from tests.programs import install as programs
from tests.programs.conftest import Obedient, PlaceOf
from tests.programs.guide import typed_after
from tests.programs.upstream import NUMBER, SENTENCE, TOOL_SAID, WORD

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]
SECRET = "the cat is called Mint"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAKElEQVR4nO3NsQ0AAAzCMP5/un0CNkuZ41wybXsHAA"
    "AAAAAAAAAAxR4yw/wuPL6QkAAAAABJRU5ErkJggg=="
)
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def order(tool: str, **arguments: object) -> str:
    """A prompt that makes the scripted model call *tool*; quoted for the shell."""
    return shlex.quote(f"CALLTOOL {tool} {json.dumps(arguments)} END")


def json_lines(said: str) -> Sequence[Any]:
    """The lines of *said* that are JSON objects."""
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def tool_results(server: Scripted) -> list[str]:
    """What tools said, as the model was told."""
    messages = [message for body in server.bodies for message in body["messages"]]
    return [str(message["content"]) for message in messages if message["role"] == "tool"]


async def test_claude_code_reads_a_file_for_the_model(obedient: Obedient, place_of: PlaceOf) -> None:
    """Read runs on this machine, its result reaches the model, and the model's words are the result."""
    async with obedient() as (base_url, server):
        place = place_of(programs.CLAUDE_CODE, base_url)
        place.write("pets.txt", SECRET)
        prompt = order("Read", file_path=str(place.folder / "pets.txt"))
        said = await typed_after("claude-code", place, f"claude -p {prompt} --output-format json")
    (result,) = json_lines(said)
    assert (result["subtype"], result["num_turns"]) == ("success", 2)
    assert result["result"].startswith(TOOL_SAID)
    assert SECRET in result["result"]
    assert any(SECRET in text for text in tool_results(server))


async def test_claude_code_shows_the_model_an_image(obedient: Obedient, place_of: PlaceOf) -> None:
    """What Read finds in a PNG reaches a model of another API where that API takes images."""
    async with obedient() as (base_url, server):
        place = place_of(programs.CLAUDE_CODE, base_url)
        (place.folder / "red.png").write_bytes(base64.b64decode(PNG))
        prompt = order("Read", file_path=str(place.folder / "red.png"))
        await typed_after("claude-code", place, f"claude -p {prompt}")
    shown = [message for message in server.bodies[-1]["messages"] if "image_url" in str(message["content"])]
    assert [message["role"] for message in shown] == ["user"]
    assert "data:image/png;base64," in str(shown)


async def test_claude_code_sends_a_subagent_to_the_tier_of_its_model(obedient: Obedient, place_of: PlaceOf) -> None:
    """A subagent with `model: haiku` is asked for as `simple`, and its answer is told to the one that sent it."""
    agents = {"extractor": {"description": "extract", "prompt": "You extract.", "model": "haiku", "tools": ["Read"]}}
    async with obedient() as (base_url, server):
        place = place_of(programs.CLAUDE_CODE, base_url)
        prompt = order("Agent", description="find", prompt="find things", subagent_type="extractor")
        line = f"claude -p {prompt} --agents {shlex.quote(json.dumps(agents))} --output-format json"
        said = await typed_after("claude-code", place, f"export ANTHROPIC_MODEL=large\n{line}")
    (result,) = json_lines(said)
    assert result["subtype"] == "success"
    assert sorted(body["model"] for body in server.bodies) == ["large", "large", "large", "small"]
    assert SENTENCE in str(server.bodies[-1]["messages"][-1]["content"])


async def test_claude_code_finds_auto_among_the_gateways_models(obedient: Obedient, place_of: PlaceOf) -> None:
    """It keeps names with "claude" in them only, so `auto` has one."""
    async with obedient() as (base_url, _):
        place = place_of(programs.CLAUDE_CODE, base_url)
        await typed_after("claude-code", place, "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1 claude -p hi")
    kept = json.loads((place.home / ".claude" / "cache" / "gateway-models.json").read_text(encoding="utf-8"))
    assert [model["id"] for model in kept["models"]] == ["claude-auto"]


async def test_codex_runs_a_command_for_the_model(obedient: Obedient, place_of: PlaceOf) -> None:
    """exec_command runs, its output goes back, and the turn ends with the model's words and the usage."""
    async with obedient() as (base_url, server):
        place = place_of(programs.CODEX, base_url)
        prompt = order("exec_command", cmd="echo hello-from-tool")
        said = await typed_after("codex", place, f"codex exec --json --skip-git-repo-check {prompt}")
    items = [event["item"] for event in json_lines(said) if event["type"] == "item.completed"]
    (command,) = [item for item in items if item["type"] == "command_execution"]
    assert (command["exit_code"], command["aggregated_output"]) == (0, "hello-from-tool\n")
    assert "hello-from-tool" in items[-1]["text"]
    assert items[-1]["text"].startswith(TOOL_SAID)
    (completed,) = [event for event in json_lines(said) if event["type"] == "turn.completed"]
    assert completed["usage"]["input_tokens"] == 200
    assert any("hello-from-tool" in text for text in tool_results(server))


async def test_codex_starts_a_subagent_for_the_model(obedient: Obedient, place_of: PlaceOf) -> None:
    """A tool of a namespace is called under its plain name, and Codex gets the namespace back."""
    async with obedient() as (base_url, server):
        place = place_of(programs.CODEX, base_url)
        prompt = order("spawn_agent", message="Say hello.", agent_type="default")
        said = await typed_after("codex", place, f"codex exec --json --skip-git-repo-check {prompt}")
    items = [event["item"] for event in json_lines(said) if event["type"] == "item.completed"]
    (spawned,) = [item for item in items if item["type"] == "collab_tool_call"]
    assert (spawned["tool"], spawned["prompt"], spawned["status"]) == ("spawn_agent", "Say hello.", "completed")
    assert "agent_id" in tool_results(server)[0]


async def test_codex_holds_the_model_to_a_schema(obedient: Obedient, place_of: PlaceOf) -> None:
    """`--output-schema` reaches the model as its own API says it."""
    async with obedient() as (base_url, server):
        place = place_of(programs.CODEX, base_url)
        place.write("dog.json", json.dumps(SCHEMA))
        said = await typed_after(
            "codex", place, "codex exec --json --skip-git-repo-check --output-schema dog.json 'a dog'"
        )
    items = [event["item"] for event in json_lines(said) if event["type"] == "item.completed"]
    assert json.loads(items[-1]["text"]) == {"name": WORD, "age": NUMBER}
    assert server.bodies[-1]["response_format"]["json_schema"]["schema"] == SCHEMA


async def test_codex_with_its_built_in_provider_is_sent_from_websocket_to_http(
    obedient: Obedient, place_of: PlaceOf
) -> None:
    """426 to the probe makes it go on over HTTP at once; otherwise it tries for 12 seconds."""
    async with obedient() as (base_url, _):
        place = place_of(programs.CODEX, base_url)
        setting = shlex.quote(f'openai_base_url="{base_url}/v1"')
        line = f"codex exec --json --skip-git-repo-check -c {setting} -c model=auto -c model_provider=openai hi"
        code, said = await place.shell(f"CODEX_API_KEY=unused {line}", timeout_s=5)
    assert code == 0, said
    assert json_lines(said)[-1]["type"] == "turn.completed"


async def test_codex_takes_the_gateway_for_ollama(obedient: Obedient, place_of: PlaceOf) -> None:
    """`--oss` asks Ollama's paths for its version and models before it speaks Responses."""
    async with obedient() as (base_url, _):
        place = place_of(programs.CODEX, base_url)
        line = "codex exec --json --skip-git-repo-check --oss --local-provider ollama -m auto hi"
        code, said = await place.shell(f"CODEX_OSS_BASE_URL={base_url}/v1 {line}", timeout_s=60)
    assert code == 0, said
    assert json_lines(said)[-1]["type"] == "turn.completed"


async def test_gemini_cli_runs_a_command_and_reads_a_file_for_the_model(obedient: Obedient, place_of: PlaceOf) -> None:
    """Two tools called in one turn run, and both results come back in the next."""
    async with obedient() as (base_url, server):
        place = place_of(programs.GEMINI_CLI, base_url)
        place.write("pets.txt", SECRET)
        both = "'{} {}'".format(
            order("run_shell_command", command="echo hello-from-tool").strip("'"),
            order("read_file", file_path="pets.txt").strip("'"),
        )
        said = await typed_after("gemini-cli", place, f"gemini --skip-trust --approval-mode yolo -o json -p {both}")
    result = json.loads(said[said.index("{") :])
    assert result["response"].startswith(TOOL_SAID)
    assert result["stats"]["tools"]["totalSuccess"] == 2
    assert SECRET in result["response"]
    assert "hello-from-tool" in result["response"]
    assert len(tool_results(server)) == 2


async def test_gemini_cli_with_its_own_router_is_answered_too(obedient: Obedient, place_of: PlaceOf) -> None:
    """`auto` is gemini-cli's word: it classifies by itself and asks for Google's names, which are routed."""
    async with obedient() as (base_url, server):
        place = place_of(programs.GEMINI_CLI, base_url)
        said = await typed_after("gemini-cli", place, "gemini --skip-trust -m auto -o json -p 'Say hello.'")
    assert json.loads(said[said.index("{") :])["response"] == SENTENCE
    assert {body["model"] for body in server.bodies} <= {"small", "medium", "large"}


async def test_aider_writes_what_the_model_says_into_the_file(obedient: Obedient, place_of: PlaceOf) -> None:
    """A file's listing in the answer becomes the file."""
    async with obedient() as (base_url, server):
        place = place_of(programs.AIDER, base_url)
        place.write("hello.py", "print('hi')\n")
        prompt = shlex.quote("SAY\nhello.py\n```\nprint('hello from aider')\n```\nEND")
        flags = "--no-show-model-warnings --yes-always --no-git --no-pretty --edit-format whole"
        await typed_after("aider", place, f"aider --model openai/complex {flags} hello.py --message {prompt}")
    assert (place.folder / "hello.py").read_text(encoding="utf-8") == "print('hello from aider')\n"
    assert [body["model"] for body in server.bodies] == ["large"]
