"""`pointsman config`: start, check, repair, show, schema."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import MODELS, Run


def test_init_writes_a_file_that_check_finds_right(run: Run, folder: Path) -> None:
    """The way of the first five minutes."""
    assert run("config", "init").err == (
        "wrote pointsman.yaml; `pointsman config check pointsman.yaml` tells whether it is right\n"
    )
    done = run("config", "check")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("pointsman.yaml: ok, 3 models, 0 warnings\n")


def test_init_replaces_nothing_unasked(run: Run, configured: Path) -> None:
    """A file that is there stays, unless --force says otherwise."""
    done = run("config", "init")
    assert (done.code, done.out) == (3, "")
    assert done.err == ("error: pointsman.yaml exists already.\nhint: Name another file, or replace it with --force.\n")
    assert configured.read_text(encoding="utf-8") == MODELS
    assert run("config", "init", "--force").code == 0


def test_an_unknown_key_is_named_with_the_nearest_valid_one(run: Run, folder: Path) -> None:
    """File, line, path, and what was probably meant; exit code 3."""
    (folder / "pointsman.yaml").write_text("server:\n  prot: 4001\n", encoding="utf-8")
    done = run("config", "check")
    assert (done.code, done.out) == (3, "")
    assert done.err == "error: pointsman.yaml:2: server.prot: unknown key; did you mean 'port'?\n"


def test_a_missing_or_unreadable_file_is_named(run: Run, folder: Path) -> None:
    """With what to do."""
    (folder / "binary.yaml").write_bytes(b"\x00\x01")
    assert run("config", "check", "none.yaml").err.startswith("error: --config: there is no file 'none.yaml'.")
    done = run("models", "--config", "binary.yaml")
    assert (done.code, done.err) == (3, "error: binary.yaml: this is a binary file, not text.\n")


def test_check_names_what_is_suspicious(run: Run, folder: Path) -> None:
    """A cloud model without a key works for nobody; the file is still in order."""
    (folder / "pointsman.yaml").write_text("models: [{name: a, model: openai/gpt-5}]\n", encoding="utf-8")
    done = run("config", "check", "--json")
    found = json.loads(done.out)
    assert (done.code, found["ok"], found["models"], len(found["warnings"])) == (0, True, 1, 1)
    assert "OPENAI_API_KEY" in found["warnings"][0]["message"]
    assert run("config", "check").out.endswith("pointsman.yaml: ok, 1 model, 1 warning\n")


def test_fix_gives_the_indentation_back_and_keeps_the_old_text(run: Run, folder: Path) -> None:
    """A file copied from a page that swallowed the spaces."""
    flat = "models:\n- name: a\nmodel: ollama_chat/qwen2.5:3b\ntier: simple\n"
    (folder / "pointsman.yaml").write_text(flat, encoding="utf-8")
    assert run("config", "check").code == 3
    done = run("config", "check", "--fix")
    assert done.code == 0
    assert done.err == "pointsman.yaml: gave it its indentation back; the old text is in pointsman.yaml.flat\n"
    assert (folder / "pointsman.yaml.flat").read_text(encoding="utf-8") == flat
    assert run("config", "check", "--fix").err == "pointsman.yaml: the indentation is there, nothing to fix\n"


def test_show_tells_where_every_value_comes_from(run: Run, configured: Path) -> None:
    """Default, file with its line, variable."""
    done = run("config", "show", "--origin", "--json", env={"POINTSMAN_PORT": "4001", "GEMINI_MODEL": "heavy"})
    rows = {row["path"]: (row["value"], row["origin"]) for row in json.loads(done.out)}
    assert rows["server.port"] == (4001, "env POINTSMAN_PORT")
    assert rows["server.host"] == ("127.0.0.1", "default")
    assert rows["models[0].name"] == ("quick", "file pointsman.yaml:2")
    assert rows["model.name"] == ("heavy", "env GEMINI_MODEL")


def test_show_masks_keys(run: Run, configured: Path) -> None:
    """In every form."""
    for args in ((), ("--json",), ("--origin",)):
        assert "sk-made-up" not in run("config", "show", *args).out


def test_show_can_leave_defaults_out(run: Run, folder: Path) -> None:
    """What was set, and where."""
    (folder / "pointsman.yaml").write_text("server:\n  port: 4001\n", encoding="utf-8")
    assert run("config", "show", "--origin", "--given").out == (
        "SETTING      VALUE  ORIGIN\nserver.port  4001   file pointsman.yaml:2\n"
    )


def test_schema_is_a_json_schema(run: Run) -> None:
    """For editors."""
    assert json.loads(run("config", "schema").out)["title"] == "pointsman.yaml"
