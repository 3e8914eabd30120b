"""Where values come from, which wins, and how that is shown."""

# ruff: noqa: E501, ISC004 - whole messages read best unbroken
from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import (
    Row,
    Settings,
    load,
    load_default_catalog,
    loaded_from,
    reload,
    requested_model,
    show,
)
from pointsman.config.tree import Node, Origin, Source, from_plain, plain
from pointsman.core.catalog import Secret, Tier
from pointsman.core.errors import ConfigError
from tests.config.conftest import LoadText, Refusal

THREE = """\
models:
  - {name: quick, model: "ollama_chat/qwen2.5:3b", tier: simple}
  - {name: balanced, model: "ollama_chat/qwen2.5:14b", tier: medium}
  - {name: heavy, model: "ollama_chat/qwen2.5:32b", tier: complex}
"""


def test_ten_lines_are_enough_for_three_models(load_text: LoadText) -> None:
    """The smallest file gives `auto` its three tiers, local and free."""
    loaded = load_text(THREE)
    assert loaded.catalog.auto is not None
    assert loaded.catalog.auto.tiers == {
        Tier.SIMPLE: ("quick",),
        Tier.MEDIUM: ("balanced",),
        Tier.COMPLEX: ("heavy",),
    }
    assert [(card.upstream_model, card.is_local, card.endpoint.name) for card in loaded.catalog.models] == [
        ("qwen2.5:3b", True, "ollama"),
        ("qwen2.5:14b", True, "ollama"),
        ("qwen2.5:32b", True, "ollama"),
    ]
    assert loaded.warnings == ()


def test_flags_win_over_environment_over_file_over_defaults(load_text: LoadText) -> None:
    """Each value remembers the place that won."""
    text = "server:\n  host: 127.0.0.2\n  port: 1\n  workers: 3\n"
    environ = {"POINTSMAN_PORT": "2", "POINTSMAN_SERVER__WORKERS": "5", "POINTSMAN_HOST": "", "POINTSMAN_X": "1"}
    loaded = load_text(text, environ, flags={"server.port": 3})
    server = loaded.settings.server
    assert (server.host, server.port, server.workers, server.max_body_bytes) == ("127.0.0.2", 3, 5, 26_214_400)
    assert loaded.origins == {
        "server.host": "file pointsman.yaml:2",
        "server.port": "flag --port",
        "server.workers": "env POINTSMAN_SERVER__WORKERS",
    }


def test_a_variable_may_hold_a_list(load_text: LoadText) -> None:
    """A value in brackets is read as YAML, and comes from the variable as a whole."""
    loaded = load_text(THREE, {"POINTSMAN_SERVER__ALLOWED_HOSTS": "[a, b]"})
    assert loaded.settings.server.allowed_hosts == ["a", "b"]
    assert loaded.origins["server.allowed_hosts[1]"] == "env POINTSMAN_SERVER__ALLOWED_HOSTS"
    braces = load_text(THREE, {"POINTSMAN_SERVER__KEYS": "{ci: abc}"})
    assert braces.settings.server.keys == {"ci": Secret("abc")}


def test_the_file_is_searched_in_order(tmp_path: Path) -> None:
    """--config, POINTSMAN_CONFIG, ./pointsman.yaml, the configuration folder; none is fine too."""
    home = tmp_path / "home"
    (home / "pointsman").mkdir(parents=True)
    environ = {"XDG_CONFIG_HOME": str(home)}

    def port(**named: str) -> tuple[int, str | None]:
        loaded = load(
            config=Path(named["flag"]) if "flag" in named else None,
            environ=environ | ({"POINTSMAN_CONFIG": named["env"]} if "env" in named else {}),
            cwd=tmp_path,
        )
        return loaded.settings.server.port, loaded.source_path.name if loaded.source_path else None

    assert port() == (4000, None)
    (home / "pointsman" / "pointsman.yaml").write_text("server: {port: 1}\n")
    assert port() == (1, "pointsman.yaml")
    (tmp_path / "pointsman.yaml").write_text("server: {port: 2}\n")
    assert port() == (2, "pointsman.yaml")
    (tmp_path / "env.yaml").write_text("server: {port: 3}\n")
    assert port(env="env.yaml") == (3, "env.yaml")
    (tmp_path / "flag.yaml").write_text("server: {port: 4}\n")
    assert port(env="env.yaml", flag="flag.yaml") == (4, "flag.yaml")


def test_without_xdg_the_platform_says_where_the_folder_is(tmp_path: Path) -> None:
    """Loading with an empty environment and no file gives the defaults."""
    assert load(environ={"POINTSMAN_CONFIG": ""}, cwd=tmp_path).settings.server.host == "127.0.0.1"


def test_a_model_is_requested_by_flag_then_environment_then_file(load_text: LoadText) -> None:
    """`--model` > POINTSMAN_MODEL > GEMINI_MODEL > model.name > auto, each with its origin."""
    plain_file = load_text(THREE)
    named = load_text(THREE + "model: {name: heavy}\n")
    both = {"POINTSMAN_MODEL": "b", "GEMINI_MODEL": "c"}
    assert requested_model("a", both, named) == ("a", "flag --model")
    assert requested_model(None, both, named) == ("b", "env POINTSMAN_MODEL")
    assert requested_model(None, {"GEMINI_MODEL": "c"}, named) == ("c", "env GEMINI_MODEL")
    assert requested_model(None, {}, named) == ("heavy", "file pointsman.yaml:5")
    assert requested_model(None, {}, plain_file) == ("auto", "default")


def test_a_broken_file_leaves_the_old_one_in_force(load_text: LoadText, tmp_path: Path) -> None:
    """Reloading raises and changes nothing; a good file gives the new settings."""
    loaded = load_text("server: {port: 1}\n")
    (tmp_path / "pointsman.yaml").write_text("server: {port: x}\n")
    with pytest.raises(ConfigError):
        reload(loaded)
    assert loaded.settings.server.port == 1
    (tmp_path / "pointsman.yaml").write_text("server: {port: 2}\n")
    assert reload(loaded).settings.server.port == 2
    made = loaded_from(Settings())
    assert reload(made) is made


def test_keys_never_show(load_text: LoadText) -> None:
    """A key is masked in rows, reprs and warnings, wherever it was written."""
    text = (
        "server: {master_key: sk-secret-1, keys: {ci: os.environ/CI}}\n"
        "endpoints: {a: {base_url: 'http://h/v1', api_key: sk-secret-3, headers: {X-Key: sk-secret-4}}}\n"
        "models: {m: {model: m, endpoint: a, tier: simple}}\n"
    )
    loaded = load_text(text, {"CI": "sk-secret-2", "POINTSMAN_SERVER__KEYS__B": "sk-secret-5"})
    assert loaded.catalog.models[0].endpoint.headers == (("X-Key", "sk-secret-4"),)
    assert "sk-secret" not in repr(show(loaded))
    assert "sk-secret" not in repr((loaded.settings, loaded.tree, loaded.inputs, loaded.warnings, loaded.origins))
    rows = {row.path: row for row in show(loaded)}
    assert rows["server.keys.ci"] == Row(path="server.keys.ci", value="***", origin="file pointsman.yaml:1")
    assert rows["server.keys.b"] == Row(path="server.keys.b", value="***", origin="env POINTSMAN_SERVER__KEYS__B")
    assert rows["models[0].tier"] == Row(path="models[0].tier", value="simple", origin="file pointsman.yaml:3")
    assert rows["server.port"] == Row(path="server.port", value=4000, origin="default")


def test_a_single_name_for_a_list_keeps_its_origin(load_text: LoadText) -> None:
    """`fallbacks: {quick: heavy}` shows the line of the name."""
    loaded = load_text(THREE + "fallbacks: {quick: heavy}\n")
    rows = {row.path: (row.value, row.origin) for row in show(loaded)}
    assert rows["fallbacks.quick[0]"] == ("heavy", "file pointsman.yaml:5")


def test_empty_sections_mean_the_defaults(load_text: LoadText) -> None:
    """A section whose lines are all commented out is no error; an empty file is none either."""
    assert load_text("server:\nmodels:\n").settings == Settings()
    assert load_text("").settings == Settings()
    assert load_text("# nothing\n").settings == Settings()


def test_yaml_merges_anchors(load_text: LoadText) -> None:
    """`<<` fills in what an entry does not say itself; the first of several wins."""
    text = (
        "models:\n"
        "- &a {name: a, model: ollama/a, weight: 2}\n"
        "- {<<: *a, name: b}\n"
        "- {<<: [*a, {order: 3, weight: 9}], name: c}\n"
    )
    cards = load_text(text).catalog.models
    assert [(card.name, card.weight, card.order) for card in cards] == [("a", 2, 0), ("b", 2, 0), ("c", 2, 3)]


def test_dates_stay_text_and_yes_is_true(load_text: LoadText) -> None:
    """YAML 1.1 as LiteLLM reads it, without dates."""
    loaded = load_text(
        "ledger: {log_prompts: yes, path: 2026-01-01}\nmodels: [{name: a, model: ollama/a, defaults: {x: null, y: [1.5]}}]"
    )
    assert loaded.settings.ledger.log_prompts is True
    assert loaded.settings.ledger.path == "2026-01-01"
    assert loaded.catalog.models[0].defaults == {"x": None, "y": [1.5]}


def test_the_shipped_catalog_is_the_four_tiers() -> None:
    """`pointsman route` without a configuration decides over these."""
    loaded = load_default_catalog()
    assert [(card.name, card.upstream_model) for card in loaded.catalog.models] == [
        ("quick", "qwen2.5:3b"),
        ("balanced", "qwen2.5:14b"),
        ("heavy", "qwen2.5:32b"),
        ("frontier", "claude-sonnet-4-5-20250929"),
    ]
    assert loaded.origins["models[0].name"] == "file pointsman/config/defaults/catalog.yaml:4"


def test_a_default_origin_says_default_and_a_list_round_trips() -> None:
    """Trees made in code come from where they are told."""
    assert str(Origin(source=Source.DEFAULT)) == "default"
    node = from_plain({"a": [1, {"b": None}]}, Origin(source=Source.FLAG, name="--x"))
    assert plain(node) == {"a": [1, {"b": None}]}
    assert repr(Node("sk-secret")) == "Node(origin=Origin(source=<Source.DEFAULT: 'default'>, name='', line=None))"


def test_a_cloud_key_goes_only_to_its_own_address(load_text: LoadText) -> None:
    """OPENAI_API_KEY is used for api.openai.com, never for an address the file gives."""
    text = (
        "models:\n"
        "- {name: a, model: openai/gpt-5}\n"
        "- {name: b, model: openai/gpt-5, base_url: 'https://elsewhere.example/v1'}\n"
        "- {name: c, model: openai/gpt-5, base_url: 'https://api.openai.com/v1/'}\n"
        "- {name: d, model: openai/gpt-5, api_key: own}\n"
        "- {name: e, model: gemini/gemini-2.5-pro}\n"
        "- {name: f, model: lm_studio/x, local: true}\n"
    )
    environ = {"OPENAI_API_KEY": "k", "GOOGLE_API_KEY": "g", "LM_STUDIO_API_BASE": "http://127.0.0.1:5/v1"}
    loaded = load_text(text, environ)
    cards = loaded.catalog.models
    keys = {card.name: card.endpoint.api_key for card in cards}
    assert keys == {"a": Secret("k"), "b": None, "c": Secret("k"), "d": Secret("own"), "e": Secret("g"), "f": None}
    assert cards[5].endpoint.base_url == "http://127.0.0.1:5/v1"
    assert loaded.origins["models[0].api_key"] == "env OPENAI_API_KEY"
    assert loaded.warnings == ()


def test_a_missing_key_and_an_undeclared_neighbour_are_warned_about(load_text: LoadText) -> None:
    """A valid file may still lack something; each warning says which line to change."""
    text = (
        "models:\n"
        "  far: {model: anthropic/claude-sonnet-4-5}\n"
        "  near: {model: lm_studio/x}\n"
        "  lan: {model: ollama/x:3b, base_url: 'http://192.168.1.5:11434'}\n"
        "  cloud: {model: 'ollama/x:cloud'}\n"
    )
    assert [str(warning) for warning in load_text(text).warnings] == [
        "pointsman.yaml:2: models.far: the model 'far' has no key and will be refused; set ANTHROPIC_API_KEY",
        "pointsman.yaml:3: models.near: the model 'near' is served on this machine but may pass text on, so it gets no "
        "private text; if it does not, add `local: true`",
        "pointsman.yaml:4: models.lan: the model 'lan' is served near by but may pass text on, so it gets no private "
        "text; if it does not, add `local: true`",
    ]


def test_a_setting_that_does_nothing_is_warned_about(load_text: LoadText) -> None:
    """It is valid, and the file works; but nobody should wait for its effect."""
    text = (
        "models:\n"
        "- {name: a, model: ollama/x:3b, defaults: {seed: 1, n: 2}}\n"
        "- {name: b, model: openai/x, api_key: k, defaults: {n: 2}}\n"
    )
    assert [str(warning) for warning in load_text(text).warnings] == [
        "pointsman.yaml:2: models[0].defaults.n: not used: Ollama has no 'n', which is a default of the model 'a'",
    ]


def test_several_wrong_variables_are_read_whole(refusal: Refusal) -> None:
    """A model that is no mapping does not hide behind the key variables."""
    assert refusal("models: {a: {model: [x]}}\n") == "pointsman.yaml:1: models.a.model: should be a valid string."
