"""A file that lost its indentation is recognised, shown repaired, and means the same again."""

from __future__ import annotations

import pytest
import yaml

from pointsman.config import init_template, is_flattened, repair_flattened
from tests.config.conftest import LoadText, Refusal


def flatten(text: str) -> str:
    """*text* as a web page leaves it: no line begins with a space."""
    return "".join(f"{line.strip()}\n" for line in text.splitlines())


EVERYTHING = """\
# a comment
model_list:
  - model_name: a
    litellm_params:
      model: "ollama_chat/a:3b"
      temperature: 0.5
      extra_body:
        x: 1
    model_info:
      mode: chat
  - model_name: smart
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config:
        tiers:
          SIMPLE:
            - a
            - b
          MEDIUM: a
        code_keywords:
          - def
          - class
        custom_dimensions:
          - name: d
            weight: 0.1
            keywords: [
              x,
              y,
            ]
litellm_settings:
  drop_params: true # here

  fallbacks:
    - a: [b]
    - {"b": ["a"]}
  context_window_fallbacks:
    - a:
      - b
environment_variables:
  MY_KEY: x
router_settings:
  timeout: 5
  retry_policy:
    TimeoutErrorRetries: 3
    DefaultRetries: 1
  model_group_retry_policy:
    a:
      RateLimitErrorRetries: 2
  allowed_fails_policy:
    InternalServerErrorAllowedFails: 9
  cooldown_time: 6
  model_group_alias:
    gpt: a
general_settings:
  master_key: os.environ/K
"""
OURS = """\
server:
  host: 127.0.0.1
  port: 4000
endpoints:
  box:
    base_url: http://127.0.0.1:8080/v1
    local: true
    headers:
      X-A: b
    concurrency:
      slots: 2
      queue: 3
models:
  - name: quick
    model: ollama_chat/qwen2.5:3b
    tier: simple
    price:
      input_usd_per_mtok: 1
      output_usd_per_mtok: 2
  - name: heavy
    gguf:
      path: x.gguf
      parallel: 2
    aliases:
      - h
      - i
routing:
  tier_boundaries:
    simple_medium: 0.1
  tiers:
    simple:
      - quick
fallbacks:
  quick:
    - heavy
resilience:
  preset: litellm
  policies:
    quick:
      transient:
        action: silent
        attempts: 2
      auth: stop
    "*":
      terminal: ask
  last_resort: quick
  retry_budget:
    share: 0.1
    at_least: 2
  hedge:
    after_s: 1
  cooldown_s: 2
"""


@pytest.mark.parametrize("name", ["guide", "everything", "ours"])
def test_a_flattened_file_means_the_same_once_repaired(name: str, guide: str) -> None:
    """Flatten, repair, parse: equal to the original."""
    text = {"guide": guide, "everything": EVERYTHING, "ours": OURS}[name]
    flat = flatten(text)
    assert is_flattened(flat)
    assert not is_flattened(text)
    assert yaml.safe_load(repair_flattened(flat)) == yaml.safe_load(text)


def test_the_guide_is_repaired_to_the_letter(guide: str) -> None:
    """Also its spaces are as they were."""
    assert repair_flattened(flatten(guide)) == guide


def test_the_error_shows_the_repaired_file(refusal: Refusal) -> None:
    """What to do, and what comes of it; keys are starred out."""
    flat = "server:\nport: 4001\nmaster_key: sk-secret\nmodels:\n- name: a\nmodel: ollama/a\napi_key: os.environ/K\n"
    assert refusal(flat) == (
        "pointsman.yaml: the indentation of this file is lost: no line begins with a space. "
        "`pointsman config check --fix pointsman.yaml` writes it back like this:\n\n"
        "server:\n"
        "  port: 4001\n"
        "  master_key: *********\n"
        "models:\n"
        "  - name: a\n"
        "    model: ollama/a\n"
        "    api_key: os.environ/K\n"
    )


@pytest.mark.parametrize(
    "text",
    ["", "server: {}\n", "server: {}\nmodels: []\n", "{a: 1,\nb: 2}\n", "include:\n- a\n- b\n", "x: [\n", "a\n: {\n"],
)
def test_a_file_without_indentation_may_be_whole(text: str) -> None:
    """One that means the same either way, or nothing either way, is left alone."""
    assert not is_flattened(text)


def test_lines_nobody_knows_stay_where_they_are() -> None:
    """Text that is no key goes under what stands before it; an unknown list is a list."""
    assert repair_flattened("mystery:\n- x: 1\ny: 2\n- z: 3\nserver:\nhost: |\nwords\n") == (
        "mystery:\n  - x: 1\n    y: 2\n  - z: 3\nserver:\n  host: |\n  words\n"
    )
    assert repair_flattened("a: 1\na: 2\n") == "a: 1\na: 2\n"


def test_the_template_loads_and_explains_itself(load_text: LoadText) -> None:
    """`config init` writes a file that works as it is."""
    loaded = load_text(init_template())
    assert [card.name for card in loaded.catalog.models] == ["quick", "balanced", "heavy"]
    assert loaded.warnings == ()
    commented = [line.replace("# - ", "- ", 1) for line in init_template().splitlines() if line.startswith("  # - ")]
    whole = init_template().split("# Who answers when a model")[0] + "\n".join(commented)
    assert [card.name for card in load_text(whole).catalog.models][3:] == ["frontier", "workstation", "tiny"]
