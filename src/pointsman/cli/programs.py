"""How coding agents are pointed at a gateway: what each wants in its environment, on its command line, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.core.jsontypes import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program. `{url}` and `{key}` stand for the gateway's address and a key; `{settings}` for the file's path."""

    title: str
    command: str
    install: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    settings: JsonObject | None = None  # written to a file of ours, where the program takes one beside the user's


_RETRIES_ARE_OURS = "1"

PROGRAMS: Mapping[str, Program] = {
    "claude": Program(
        title="Claude Code",
        command="claude",
        install="npm install -g @anthropic-ai/claude-code",
        environment={
            "ANTHROPIC_BASE_URL": "{url}",
            "ANTHROPIC_AUTH_TOKEN": "{key}",
            "ANTHROPIC_MODEL": "claude-auto",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "simple",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "medium",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "complex",
            "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": _RETRIES_ARE_OURS,
        },
    ),
    "codex": Program(
        title="Codex",
        command="codex",
        install="npm install -g @openai/codex",
        environment={"POINTSMAN_KEY": "{key}"},
        arguments=(
            "-c",
            'model="auto"',
            "-c",
            'model_provider="pointsman"',
            "-c",
            (
                'model_providers.pointsman={{name="Pointsman",base_url="{url}/v1",env_key="POINTSMAN_KEY",'
                'wire_api="responses",request_max_retries=0,stream_max_retries=1,'
                'http_headers={{"x-pointsman-agent"="codex"}}}}'
            ),
        ),
    ),
    "gemini": Program(
        title="gemini-cli",
        command="gemini",
        install="npm install -g @google/gemini-cli",
        environment={
            "GOOGLE_GEMINI_BASE_URL": "{url}",
            "GEMINI_API_KEY": "{key}",
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": "{settings}",
        },
        settings={
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "model": {"name": "pointsman"},
            "general": {"maxAttempts": 1},
        },
    ),
    "aider": Program(
        title="aider",
        command="aider",
        install="pipx install aider-chat",
        environment={
            "OPENAI_API_BASE": "{url}/v1",
            "OPENAI_API_KEY": "{key}",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
        arguments=(
            "--model",
            "openai/auto",
            "--weak-model",
            "openai/simple",
            "--editor-model",
            "openai/medium",
            "--no-show-model-warnings",
        ),
    ),
}
