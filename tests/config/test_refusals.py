"""What is wrong with a file is said with file, line, path and what to do; each message is asserted whole."""

# ruff: noqa: E501 - whole messages read best unbroken
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pointsman.config import Settings, load
from pointsman.core.errors import ConfigError
from tests.config.conftest import Refusal

TOP_LEVEL = ", ".join(sorted(Settings.model_fields))
REFUSALS = {
    "endpoints: {e: {base_url: 'http://h/v1', provider: lama}}": (
        "pointsman.yaml:1: endpoints.e.provider: should be one of anthropic, azure, cerebras, cohere, deepinfra, deepseek, "
        "fireworks, gemini, groq, huggingface, litert_lm, llama_cpp, lm_studio, mistral, nvidia_nim, ollama, openai, "
        "openrouter, perplexity, together, vllm, xai."
    ),
    "endpoints: {e: {base_url: 'http://h/v1', query: 'a b'}}": (
        "pointsman.yaml:1: endpoints.e.query: should be NAME=VALUE, joined by &, without spaces or #."
    ),
    "models: [{name: m, model: openai/x, query: 7}]": (
        "pointsman.yaml:1: models[0].query: should be NAME=VALUE, joined by &, without spaces or #."
    ),
    "models: [{name: m, model: azure/x}]": (
        "pointsman.yaml:1: models[0].model: Nothing says where the model 'azure/x' is served. Give `base_url`, or set "
        "AZURE_API_BASE."
    ),
    "server:\n  prot: 4001\n": "pointsman.yaml:2: server.prot: unknown key; did you mean 'port'?",
    "routing:\n  target: hihg\n": "pointsman.yaml:2: routing.target: should be a valid number, unable to parse string as a "
    "number; or 'economy', 'balanced' or 'quality'.",
    "routing:\n  target: 2\n": "pointsman.yaml:2: routing.target: should be less than 0.98; or 'economy', 'balanced' or "
    "'quality'.",
    "routing:\n  unsure: {then: up}\n": "pointsman.yaml:2: routing.unsure.then: should be 'best-guess' or 'one-up'; or "
    "simple, medium, complex or reasoning (or small, large, frontier).",
    "routing:\n  weights: none.npz\n": "pointsman.yaml:2: routing.weights: there is no file 'none.npz'.",
    "servr: {}\n": "pointsman.yaml:1: servr: unknown key; did you mean 'server'?",
    "zzz: 1\n": f"pointsman.yaml:1: zzz: unknown key; valid: {TOP_LEVEL}.",
    "server: {port: many}\n": "pointsman.yaml:1: server.port: should be a valid integer, unable to parse string as an "
    "integer.",
    "server:\n  port: 70000\n": "pointsman.yaml:2: server.port: should be less than or equal to 65535.",
    "server: [1]\n": "pointsman.yaml:1: server: should be a mapping.",
    "server: {master_key: 12345}\n": "pointsman.yaml:1: server.master_key: should be text; put it in quotes.",
    'server: {master_key: "  "}\n': "pointsman.yaml:1: server.master_key: should be a key in one line, without control "
    "characters.",
    "models:\n- name: a\n  model: ollama_chat/x\n  teir: simple\n": "pointsman.yaml:4: models[0].teir: unknown key; did "
    "you mean 'tier'?",
    "models:\n  a:\n    model: ollama_chat/x\n    teir: simple\n": "pointsman.yaml:4: models.a.teir: unknown key; did "
    "you mean 'tier'?",
    "models: {a: 5}\n": "pointsman.yaml:1: models.a: should be a mapping.",
    "models: 5\n": "pointsman.yaml:1: models: should be a valid list.",
    "models: [{model: ollama/x}]\n": "pointsman.yaml:1: models[0].name: is missing.",
    "models: [{name: a}]\n": "pointsman.yaml:1: models[0]: needs `model` (what its server calls it) or `gguf` (a file).",
    "models: [{name: a, model: b}]\n": "pointsman.yaml:1: models[0].model: Nothing says where the model 'b' is served. "
    "Put its provider before it (such as ollama_chat/), or give `endpoint`, `base_url` or `gguf`.",
    "models: [{name: a, model: b, endpoint: c, base_url: 'http://d'}]\n": "pointsman.yaml:1: models[0]: `endpoint` and "
    "`base_url` exclude each other.",
    "models: [{name: a, model: ollama/b, capabilities: [chat], lacks: [tools]}]\n": "pointsman.yaml:1: models[0]: "
    "`capabilities` and `lacks` exclude each other.",
    "models: [{name: a, model: b, endpoint: c}]\n": "pointsman.yaml:1: models[0].endpoint: no endpoint is called 'c'; "
    "there is none.",
    "models: [{name: auto, model: ollama/b}]\n": "pointsman.yaml:1: models[0].name: the name 'auto' means a router; "
    "choose another.",
    "models: [{name: a, model: ollama/b, tier: huge}]\n": "pointsman.yaml:1: models[0].tier: should be simple, medium, "
    "complex or reasoning (or small, large, frontier).",
    "models: [{name: quick, model: ollama/b}]\nfallbacks:\n  quick: [heavy]\n": "pointsman.yaml:3: fallbacks.quick: no "
    "model is called 'heavy'; valid: quick.",
    "models: [{name: quick, model: ollama/b}]\nrouting:\n  tiers:\n    simple: [quikc]\n": "pointsman.yaml:4: "
    "routing.tiers.simple: no model is called 'quikc'; did you mean 'quick'?",
    "models: [{name: quick, model: ollama/b}]\nrouting: {default_model: q}\n": "pointsman.yaml:2: "
    "routing.default_model: no model is called 'q'; valid: quick.",
    "models: [{name: quick, model: ollama/b}]\naliases: {quick: quick}\n": "pointsman.yaml:2: aliases.quick: 'quick' is "
    "a model's name already.",
    "models:\n  - {name: quick, model: ollama/b}\n  - {name: slow, model: ollama/c, aliases: [quick]}\n": "pointsman.yaml:3: "
    "models[1].aliases[0]: 'quick' is a model's name already.",
    "models: [{name: quick, model: ollama/b}]\nsavings: {baseline: quack}\n": "pointsman.yaml:2: savings.baseline: no "
    "model is called 'quack'; did you mean 'quick'?",
    "models: [{name: quick, model: ollama/b}]\nmodel: {name: quack}\n": "pointsman.yaml:2: model.name: no model is "
    "called 'quack'; did you mean 'quick'?",
    "routing: {tier_boundaries: {simple_medium: 0.9}}\n": "pointsman.yaml:1: routing.tier_boundaries: the boundaries "
    "should rise: simple_medium, medium_complex, complex_reasoning.",
    "endpoints: {a: {base_url: 5}}\n": "pointsman.yaml:1: endpoints.a.base_url: should be an address such as "
    "http://localhost:11434.",
    "endpoints: {a: {base_url: 'http://[::1'}}\n": "pointsman.yaml:1: endpoints.a.base_url: should be an address such "
    "as http://localhost:11434.",
    "endpoints: {a: {base_url: 'localhost:1'}}\n": "pointsman.yaml:1: endpoints.a.base_url: should be an address that "
    "begins with http:// or https://.",
    "endpoints: {a: {base_url: 'http://me:pw@h/v1'}}\n": "pointsman.yaml:1: endpoints.a.base_url: should hold no user "
    "or password; use `api_key` or `headers`.",
    "endpoints: {a: {base_url: 'http://h/v1?k=1'}}\n": "pointsman.yaml:1: endpoints.a.base_url: should end with its "
    "path, without `?`, `#` or spaces.",
    "a: 1\nserver: {port: x}\nb: 2\n": f"pointsman.yaml:1: a: unknown key; valid: {TOP_LEVEL}.\n"
    "pointsman.yaml:2: server.port: should be a valid integer, unable to parse string as an integer.\n"
    f"pointsman.yaml:3: b: unknown key; valid: {TOP_LEVEL}.",
}
YAML_REFUSALS = {
    "server:\n  port: 1\n  port: 2\n": "pointsman.yaml:3: the key 'port' stands a second time (first in line 2).",
    "server: {port: 1\nmodels: []\n": "pointsman.yaml:2: expected ',' or '}', but got ':'.\n    models: []\n          ^",
    "server: 'x\n": "pointsman.yaml:2: found unexpected end of stream.\n    server: 'x\n              ^",
    "server:\n\tport: 1\n": "pointsman.yaml:2: found character '\\t' that cannot start any token.\n    \tport: 1\n    ^",
    "api_key: sk-secret: x\n": "pointsman.yaml:1: mapping values are not allowed here.\n"
    "    api_key: ************\n                      ^",
    "- a\n- b\n": "pointsman.yaml:1: the file should hold a mapping of settings, not a list.",
    "just words\n": "pointsman.yaml:1: the file should hold a mapping of settings, not text.",
    "server: !!python/object:os.system {}\n": "pointsman.yaml:1: the tag '!!python/object:os.system' means nothing here.",
    "server: !mine x\n": "pointsman.yaml:1: the tag '!mine' means nothing here.",
    "? [a]\n: b\n": "pointsman.yaml:1: a key must be plain text.",
    "server: {<<: 5}\n": "pointsman.yaml:1: `<<` merges mappings only.",
    "server: !!int x\n": "pointsman.yaml:1: this is no YAML int.",
    "server: !!seq {}\n": "pointsman.yaml:1: the tag '!!seq' means nothing here.",
    "a: &a [*a]\n": "pointsman.yaml:1: lists and mappings are nested more than 60 deep.",
    "a: " + "[" * 2000 + "\n": "pointsman.yaml: lists and mappings are nested more than 60 deep.",
    'a: "\\Uffffffff"\n': "pointsman.yaml: a number or escape in this file is out of range.",
    "a: x\nb: \x07\n": "pointsman.yaml:2: the character '\\x07' may not stand in a YAML file.",
    "a: *b\n": "pointsman.yaml:1: found undefined alias 'b'.\n    a: *b\n       ^",
    "a: \0\n": "pointsman.yaml: this is a binary file, not text.",
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.items())
def test_a_wrong_setting_is_named_with_its_line(text: str, message: str, refusal: Refusal) -> None:
    """Unknown keys, wrong types and names that name nothing are each said whole."""
    assert refusal(text) == message


@pytest.mark.parametrize(("text", "message"), YAML_REFUSALS.items(), ids=range(len(YAML_REFUSALS)))
def test_a_file_that_is_no_yaml_is_shown_where(text: str, message: str, refusal: Refusal) -> None:
    """A YAML mistake is shown with its line and a caret, keys starred out."""
    assert refusal(text) == message


def test_a_few_lines_that_would_grow_enormous_are_refused(refusal: Refusal) -> None:
    """Aliases of aliases are counted as what they stand for."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 7)
    )
    assert refusal(bomb) == "pointsman.yaml:1: the file holds more than 100,000 values."


def test_a_variable_that_is_not_set_is_named(refusal: Refusal) -> None:
    """`os.environ/X` without X says which variable, where, and what to do."""
    assert refusal("server:\n  master_key: os.environ/MY_KEY\n  keys: [os.environ/B]\n") == (
        "pointsman.yaml:2: server.master_key: the environment variable MY_KEY is not set. "
        "Set it, or write the value in place of os.environ/MY_KEY."
    )


def test_bytes_that_are_no_text_are_refused(refusal: Refusal) -> None:
    """A file that is not UTF-8 says at which byte."""
    assert refusal(b"a: \xff\n") == "pointsman.yaml: this is no UTF-8 text (byte 3)."


def test_a_file_that_is_too_large_is_refused(refusal: Refusal) -> None:
    """A file nobody wrote by hand is not read."""
    assert refusal(b"#" * (10 * 1024 * 1024 + 1)) == "pointsman.yaml: this file is larger than 10 MiB."


def test_a_missing_file_a_folder_and_a_closed_file_are_told_apart(tmp_path: Path) -> None:
    """Each of the three says what it is."""
    (tmp_path / "folder").mkdir()
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(tmp_path / "pipe" / ".." / "folder" / "x")

    def message(environ: dict[str, str], config: str | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            load(config=Path(config) if config else None, environ=environ, cwd=tmp_path)
        return str(caught.value)

    assert message({}, "gone.yaml") == "--config: there is no file 'gone.yaml'. Check the path."
    assert message({"POINTSMAN_CONFIG": "gone.yaml"}) == (
        "POINTSMAN_CONFIG: there is no file 'gone.yaml'. Check the path."
    )
    assert message({}, "folder") == "folder: this is a folder, not a file."


@pytest.mark.skipif(sys.platform != "linux", reason="reads a file of /proc that nobody may read")
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """The system's own reason is given."""
    with pytest.raises(ConfigError) as caught:
        load(config=Path("/proc/self/mem"), environ={}, cwd=tmp_path)
    assert str(caught.value) == "/proc/self/mem: cannot be read (Input/output error)."


def test_environment_and_flags_are_named_when_they_are_wrong(tmp_path: Path) -> None:
    """A wrong value says which variable or flag it came from."""

    def message(environ: dict[str, str], **flags: int | str) -> str:
        given = {name.replace("__", "."): value for name, value in flags.items()}
        with pytest.raises(ConfigError) as caught:
            load(environ={"XDG_CONFIG_HOME": str(tmp_path), **environ}, cwd=tmp_path, flags=given)
        return str(caught.value)

    wrong = "should be a valid integer, unable to parse string as an integer."
    assert message({"POINTSMAN_PORT": "x"}) == f"POINTSMAN_PORT: server.port: {wrong}"
    assert message({"POINTSMAN_SERVER__PORT": "x"}) == f"POINTSMAN_SERVER__PORT: server.port: {wrong}"
    assert message({}, server__port="x") == f"--port: server.port: {wrong}"
    assert message({"POINTSMAN_LEDGER__PAHT": "x"}) == (
        "POINTSMAN_LEDGER__PAHT: ledger.paht: unknown key; did you mean 'path'?"
    )
    assert message({"POINTSMAN_ALIASES__A": "[b"}) == (
        "POINTSMAN_ALIASES__A: the value begins like a YAML list or mapping but is none."
    )


def test_a_variable_cannot_reach_into_a_list(refusal: Refusal) -> None:
    """Models in a list have no name to reach them by."""
    text = "models:\n- {name: a, model: ollama/a}\n"
    assert refusal(text, {"POINTSMAN_MODELS__A__TIER": "simple"}) == (
        "POINTSMAN_MODELS__A__TIER: models is a list in pointsman.yaml:1; a variable cannot reach into it."
    )
