"""Where the local judge may be: on this machine, or where the user, not a project's file, says that text may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.config import load
from pointsman.config.classifier import judge_card
from pointsman.core.catalog import FREE, Endpoint, ModelCard
from pointsman.core.errors import ConfigError
from tests.config.conftest import LoadText, Refusal

FAR = "classifier: {enabled: true, host: 'http://judge.lan:9379/', local: true}\n"


def card(load_text: LoadText, text: str) -> ModelCard | None:
    """The judge that *text* configures."""
    loaded = load_text(text)
    return judge_card(loaded.settings.classifier, loaded.catalog)


def test_litert_lm_on_its_usual_port_is_the_judge_unless_told_otherwise(load_text: LoadText) -> None:
    """gemini-cli's host and model, with no time to spare."""
    assert card(load_text, "classifier: {enabled: true}\n") == ModelCard(
        id="local-judge",
        name="gemma3-1b-gpu-custom",
        upstream_model="gemma3-1b-gpu-custom",
        endpoint=Endpoint(
            name="local-judge",
            dialect="gemini",
            base_url="http://localhost:9379/v1beta",
            is_local=True,
            connect_timeout_s=0.8,
            first_byte_timeout_s=0.8,
            idle_timeout_s=0.8,
        ),
        price=FREE,
    )
    assert card(load_text, "classifier: {enabled: false}\n") is None


@pytest.mark.parametrize(
    ("dialect", "host", "base_url"),
    [
        ("openai_chat", "http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("openai_chat", "http://127.0.0.1:8080/api/v2/", "http://127.0.0.1:8080/api/v2"),
        ("ollama", "http://[::1]:11434", "http://[::1]:11434"),
        ("gemini", "http://localhost:4000", "http://localhost:4000/v1beta"),
    ],
)
def test_the_api_says_what_the_address_ends_in(load_text: LoadText, dialect: str, host: str, base_url: str) -> None:
    """A path of one's own is taken as it is."""
    found = card(load_text, f"classifier: {{enabled: true, dialect: {dialect}, host: '{host}', model: x}}\n")
    assert found is not None
    assert (found.endpoint.dialect, found.endpoint.base_url) == (dialect, base_url)


def test_a_model_of_the_configuration_can_judge(load_text: LoadText) -> None:
    """By its name, if no host is given; its endpoint is the one that it answers at."""
    models = "models: [{name: quick, model: 'ollama/qwen2.5:3b', aliases: [q]}, {name: tiny, gguf: tiny.gguf}]\n"
    loaded = load_text(models + "classifier: {enabled: true, model: q}\n")
    assert judge_card(loaded.settings.classifier, loaded.catalog) == loaded.catalog.by_id["quick"]
    loaded = load_text(models + "classifier: {enabled: true, model: tiny}\n")
    assert judge_card(loaded.settings.classifier, loaded.catalog) == loaded.catalog.by_id["tiny"]
    found = card(load_text, models + "classifier: {enabled: true, model: quick, host: 'http://localhost:1'}\n")
    assert found is not None
    assert found.endpoint.base_url == "http://localhost:1/v1beta"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "models: [{name: big, model: openai/gpt-5, api_key: k}]\nclassifier: {enabled: true, model: big}\n",
            (
                "pointsman.yaml:2: classifier.model: 'big' is not local, and every prompt would be sent to it to be "
                "judged. Name a local model."
            ),
        ),
        (
            "classifier:\n  enabled: true\n  dialect: ollama\n  model: gpt-oss:120b-cloud\n",
            (
                "pointsman.yaml:4: classifier.model: 'gpt-oss:120b-cloud' runs in Ollama's cloud, and every prompt "
                "would be sent there to be judged. Name a local model."
            ),
        ),
        (
            "classifier: {enabled: true, local: false}\n",
            (
                "pointsman.yaml:1: classifier.local: http://localhost:9379 is not local, and every prompt would be "
                "sent there to be judged."
            ),
        ),
        (
            "classifier: {enabled: true, host: 'https://evil.example/x'}\n",
            (
                "pointsman.yaml:1: classifier.host: https://evil.example/x is not on this machine, and every prompt "
                "would be sent there to be judged. If it is a machine of yours, set "
                "POINTSMAN_CLASSIFIER__ALLOWED_HOSTS=https://evil.example."
            ),
        ),
        (
            "classifier: {enabled: true, tiers: {simple: large}}\n",
            "pointsman.yaml:1: classifier: `tiers` names 'simple', which `labels: flash-pro` does not have.",
        ),
    ],
    ids=["cloud model", "Ollama's cloud", "declared", "undeclared", "tiers"],
)
def test_a_judge_that_is_not_local_is_refused(refusal: Refusal, text: str, message: str) -> None:
    """The message says what would happen, and what to do."""
    assert refusal(text) == message


def test_what_is_turned_off_may_say_anything(load_text: LoadText) -> None:
    """Nothing is sent there."""
    assert load_text("classifier: {host: 'https://evil.example'}\n").settings.classifier.enabled is False


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (FAR, "host"),
        (FAR.replace("}", ", allowed_hosts: 'http://judge.lan:9379'}"), "host"),
        (
            (
                "models: [{name: far, base_url: 'http://judge.lan:9379', model: x, local: true}]\n"
                "classifier: {enabled: true, model: far}\n"
            ),
            "model",
        ),
    ],
    ids=["declared", "allowed by itself", "by way of a model"],
)
def test_a_project_cannot_send_prompts_to_another_machine(tmp_path: Path, text: str, key: str) -> None:
    """Not by declaring it local, nor by allowing it to itself; the user's word is wanted."""
    (tmp_path / "pointsman.yaml").write_text(text, encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "mine")}
    own = tmp_path / "mine" / "pointsman" / "pointsman.yaml"
    with pytest.raises(ConfigError) as caught:
        load(environ=environ, cwd=tmp_path)
    assert str(caught.value) == (
        f"pointsman.yaml:{text.count(chr(10))}: classifier.{key}: a project's file has every prompt sent to "
        "http://judge.lan:9379 to be judged. If you want that, set "
        "POINTSMAN_CLASSIFIER__ALLOWED_HOSTS=http://judge.lan:9379, or name it in `classifier.allowed_hosts` of "
        f"{own}."
    )
    assert caught.value.param == f"classifier.{key}"
    consent = {"POINTSMAN_CLASSIFIER__ALLOWED_HOSTS": "http://judge.lan:9379"}
    assert load(environ=environ | consent, cwd=tmp_path).settings.classifier.enabled
    own.parent.mkdir(parents=True)
    own.write_text("classifier: {allowed_hosts: [http://other, http://judge.lan:9379/]}\n", encoding="utf-8")
    assert load(environ=environ, cwd=tmp_path).settings.classifier.enabled
    own.write_text("classifier: {allowed_hosts: http://judge.lan:9379}\n", encoding="utf-8")
    assert load(environ=environ, cwd=tmp_path).settings.classifier.enabled


def test_the_users_own_file_and_variables_need_no_further_consent(tmp_path: Path) -> None:
    """A file in the user's folder is the user's word."""
    own = tmp_path / "mine" / "pointsman" / "pointsman.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(FAR, encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "mine")}
    assert load(environ=environ, cwd=tmp_path).settings.classifier.enabled
    own.write_text("classifier: {enabled: true}\n", encoding="utf-8")
    said = {"POINTSMAN_CLASSIFIER__HOST": "http://judge.lan:9379", "POINTSMAN_CLASSIFIER__LOCAL": "true"}
    assert load(environ=environ | said, cwd=tmp_path).settings.classifier.host == "http://judge.lan:9379"


def test_gemini_clis_own_file_is_the_users_and_a_projects_is_not(tmp_path: Path) -> None:
    """`~/.gemini/settings.json` may name a host once it is declared; the workspace's may not."""
    text = '{"experimental": {"gemmaModelRouter": {"enabled": true, "classifier": {"host": "http://judge.lan:1"}}}}'
    environ = {"HOME": str(tmp_path / "home"), "POINTSMAN_CLASSIFIER__LOCAL": "true"}
    for folder, is_refused in ((tmp_path / "home" / ".gemini", False), (tmp_path / "work" / ".gemini", True)):
        folder.mkdir(parents=True)
        path = folder / "settings.json"
        path.write_text(text, encoding="utf-8")
        if is_refused:
            with pytest.raises(ConfigError, match="a project's file has every prompt sent to http://judge\\.lan:1"):
                load(config=path, environ=environ, cwd=tmp_path)
        else:
            assert load(config=path, environ=environ, cwd=tmp_path).settings.classifier.enabled
