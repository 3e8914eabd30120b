"""A LiteLLM file means here what its author meant, and every key that is not used is named."""

# ruff: noqa: E501, ISC004 - whole messages read best unbroken
from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.config.imports.litellm_fallbacks import chains
from pointsman.config.imports.notes import Notes
from pointsman.config.tree import DEFAULT, from_plain, mapping, plain
from pointsman.core.catalog import Capability, Price, Secret, Tier
from pointsman.core.failure import FailureKind
from pointsman.core.jsontypes import Json
from tests.config.conftest import LoadText, Refusal

FILE = "litellm_config.yaml"
TWO = """\
model_list:
- {model_name: a, litellm_params: {model: ollama_chat/a:3b}}
- {model_name: b, litellm_params: {model: ollama_chat/b:14b}}
"""


def test_the_guides_file_starts_unchanged(load_text: LoadText, guide: str) -> None:
    """Four tiers, the boundaries, both kinds of fallback; the only warning is the key that is not set."""
    loaded = load_text(guide, name=FILE)
    catalog = loaded.catalog
    assert [(card.name, card.upstream_model, card.endpoint.name, card.is_local) for card in catalog.models] == [
        ("quick", "qwen2.5:3b", "ollama", True),
        ("balanced", "qwen2.5:14b", "ollama", True),
        ("heavy", "qwen2.5:32b", "ollama", True),
        ("frontier", "claude-sonnet-4-5-20250929", "anthropic", False),
    ]
    frontier = catalog.models[3]
    assert (frontier.endpoint.base_url, frontier.endpoint.dialect) == (
        "https://api.anthropic.com/v1",
        "anthropic_messages",
    )
    assert frontier.price == Price(
        input_usd_per_mtok=3, output_usd_per_mtok=15, cached_input_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75
    )
    assert catalog.auto is not None
    assert catalog.auto.tiers == {
        Tier.SIMPLE: ("quick",),
        Tier.MEDIUM: ("balanced",),
        Tier.COMPLEX: ("heavy",),
        Tier.REASONING: ("frontier",),
    }
    assert catalog.fallbacks == {"heavy": ("frontier",)}
    assert catalog.fallbacks_by_kind == {FailureKind.CONTEXT: {"balanced": ("heavy",)}}
    assert loaded.complexity == {
        "auto": {"tier_boundaries": {"simple_medium": 0.15, "medium_complex": 0.35, "complex_reasoning": 0.6}}
    }
    assert [str(warning) for warning in loaded.warnings] == [
        f"{FILE}:15: the model 'frontier' has no key and will be refused; set ANTHROPIC_API_KEY"
    ]
    with_key = load_text(guide, {"ANTHROPIC_API_KEY": "sk-1"}, name=FILE)
    assert (with_key.catalog.models[3].endpoint.api_key, with_key.warnings) == (Secret("sk-1"), ())


def test_the_guides_router_may_also_be_a_model(load_text: LoadText, guide: str) -> None:
    """Under `litellm_params` of `auto_router/complexity_router` the block makes that name a router, and `auto`."""
    head, block = guide.split("\ncomplexity_router_config:\n")
    block, tail = block.split("\nrouter_settings:\n")
    as_model = (
        f"{head}  - model_name: smart\n    litellm_params:\n      model: auto_router/complexity_router\n"
        "      complexity_router_config:\n"
        + "\n".join(f"      {line}" for line in block.splitlines())
        + f"\n      complexity_router_default_model: balanced\nrouter_settings:\n{tail}"
    )
    catalog = load_text(as_model, {"ANTHROPIC_API_KEY": "k"}, name=FILE).catalog
    assert catalog.auto is not None
    assert [router.name for router in catalog.routers] == ["auto", "smart"]
    assert catalog.routers[1].tiers == catalog.auto.tiers
    assert catalog.auto.tiers == load_text(guide, name=FILE).catalog.routers[0].tiers
    assert catalog.auto.default_model == "balanced"
    assert len(catalog.models) == 4


def test_every_parameter_has_its_place_or_a_warning(load_text: LoadText) -> None:
    """Known ones reach the card, body fields its defaults, the rest is named."""
    text = """\
model_list:
- model_name: a
  litellm_params:
    model: openai/gpt-x
    api_base: http://localhost:9/v1
    api_key: os.environ/KEY
    weight: 2
    order: 1
    timeout: 30
    stream_timeout: 7
    temperature: 0.2
    extra_body: {top_k: 5}
    extra_headers: {X-A: b}
    organization: org
    drop_params: true
    input_cost_per_token: 3e-06
    output_cost_per_token: 0.000015
    rpm: 10
  model_info:
    max_input_tokens: 1000
    max_output_tokens: 100
    supports_vision: false
    supports_function_calling: true
    cache_read_input_token_cost: 0.0000003
    cache_creation_input_token_cost: 0.00000375
    mode: chat
    id: x
    pointsman_local: true
  note: hello
- {model_name: e, litellm_params: {model: ollama/bge}, model_info: {mode: embedding, supports_vision: false}}
- {model_name: w, litellm_params: {model: openai/whisper, api_key: k}, model_info: {mode: audio_transcription}}
"""
    loaded = load_text(text, {"KEY": "k"}, name=FILE)
    card = loaded.catalog.models[0]
    endpoint = card.endpoint
    assert (endpoint.base_url, endpoint.api_key, endpoint.is_local) == ("http://localhost:9/v1", Secret("k"), True)
    assert (endpoint.whole_timeout_s, endpoint.first_byte_timeout_s, endpoint.idle_timeout_s) == (30, 7, 7)
    assert endpoint.headers == (("X-A", "b"), ("OpenAI-Organization", "org"))
    assert (card.weight, card.order, card.context_tokens, card.max_output_tokens) == (2, 1, 1000, 100)
    assert card.defaults == {"temperature": 0.2, "top_k": 5}
    assert card.lacks == {Capability.IMAGES}
    assert card.price == Price(
        input_usd_per_mtok=3, output_usd_per_mtok=15, cached_input_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75
    )
    assert loaded.catalog.models[1].lacks == frozenset(Capability) - {Capability.EMBEDDINGS}
    assert [str(warning) for warning in loaded.warnings] == [
        f"{FILE}:29: model_list[0].note: this key is not used",
        f"{FILE}:27: model_list[0].model_info.id: this key is not used",
        f"{FILE}:18: model_list[0].litellm_params.rpm: this key is not used",
        f"{FILE}:31: model_list[2].model_info.mode: the mode 'audio_transcription' is not supported; the model is taken "
        "for a chat model",
    ]


def test_parameters_reach_ollama_where_it_reads_them(load_text: LoadText, guide: str) -> None:
    """LiteLLM's flat `litellm_params` become `options`; what Ollama has no place for is named."""
    text = guide.replace(
        "      model: ollama_chat/qwen2.5:3b\n",
        "      model: ollama_chat/qwen2.5:3b\n      num_ctx: 8192\n      temperature: 0.2\n",
    ).replace(
        "      model: ollama_chat/qwen2.5:14b\n",
        "      model: ollama_chat/qwen2.5:14b\n      max_tokens: 100\n      keep_alive: 5m\n      logit_bias: {a: 1}\n",
    )
    loaded = load_text(text, {"ANTHROPIC_API_KEY": "k"}, name=FILE)
    quick, balanced, heavy, _ = loaded.catalog.models
    assert (quick.defaults, quick.context_tokens) == ({"options": {"num_ctx": 8192, "temperature": 0.2}}, 8192)
    assert balanced.defaults == {"options": {"num_predict": 100}, "keep_alive": "5m", "logit_bias": {"a": 1}}
    assert (heavy.defaults, heavy.context_tokens) == ({}, None)
    assert [str(warning) for warning in loaded.warnings] == [
        f"{FILE}:13: not used: Ollama has no 'logit_bias', which is a default of the model 'balanced'"
    ]


@pytest.mark.parametrize(
    ("params", "upstream", "endpoint", "base_url"),
    [
        ("model: gpt-4o, api_key: k", "gpt-4o", "openai", "https://api.openai.com/v1"),
        ("model: claude-x, api_key: k", "claude-x", "anthropic", "https://api.anthropic.com/v1"),
        ("model: gemini/g, api_key: k", "g", "gemini", "https://generativelanguage.googleapis.com/v1beta"),
        (
            "model: azure/d, api_key: k, api_base: 'https://r.openai.azure.com', api_version: 2024-10-21",
            "d",
            "azure",
            "https://r.openai.azure.com/openai/deployments/d",
        ),
        ("model: openai/responses/gpt-5, api_key: k", "gpt-5", "openai", "https://api.openai.com/v1"),
        ("model: together_ai/a/b, api_key: k", "a/b", "together", "https://api.together.xyz/v1"),
        ("model: fireworks_ai/a/b, api_key: k", "a/b", "fireworks", "https://api.fireworks.ai/inference/v1"),
        ("model: cerebras/x, api_key: k", "x", "cerebras", "https://api.cerebras.ai/v1"),
        ("model: nvidia_nim/a/b, api_key: k", "a/b", "nvidia_nim", "https://integrate.api.nvidia.com/v1"),
        ("model: perplexity/sonar, api_key: k", "sonar", "perplexity", "https://api.perplexity.ai"),
        ("model: openrouter/a/b, api_key: k", "a/b", "openrouter", "https://openrouter.ai/api/v1"),
        ("model: groq/x, api_key: k", "x", "groq", "https://api.groq.com/openai/v1"),
        ("model: mistral/x, api_key: k", "x", "mistral", "https://api.mistral.ai/v1"),
        ("model: deepseek/x, api_key: k", "x", "deepseek", "https://api.deepseek.com/v1"),
        ("model: xai/x, api_key: k", "x", "xai", "https://api.x.ai/v1"),
        ("model: hosted_vllm/a/b, api_base: 'http://h.example/v1'", "a/b", "vllm", "http://h.example/v1"),
        ("model: mine, api_base: 'http://h.example/v1'", "mine", "openai", "http://h.example/v1"),
        ("model: openai_like/mine, base_url: 'http://h.example/v1'", "mine", "openai", "http://h.example/v1"),
        ("model: x, custom_llm_provider: groq, api_key: k", "x", "groq", "https://api.groq.com/openai/v1"),
    ],
)
def test_a_prefix_says_the_server(
    params: str, upstream: str, endpoint: str, base_url: str, load_text: LoadText
) -> None:
    """Every prefix of the brief, LiteLLM's other names for OpenAI's shape, and bare well-known names."""
    loaded = load_text(f"model_list: [{{model_name: m, litellm_params: {{{params}}}}}]\n", name=FILE)
    card = loaded.catalog.models[0]
    assert (card.upstream_model, card.endpoint.name, card.endpoint.base_url) == (upstream, endpoint, base_url)
    assert loaded.warnings == ()


def test_what_cannot_be_called_is_left_out_aloud(load_text: LoadText) -> None:
    """Other providers, wildcards, other routers and names nobody has: a warning each, and the rest works."""
    text = """\
model_list:
- {model_name: a, litellm_params: {model: ollama_chat/a:3b}}
- {model_name: z, litellm_params: {model: bedrock/x}}
- {model_name: y, litellm_params: {model: whoknows}}
- {model_name: "openai/*", litellm_params: {model: "openai/*"}}
- {model_name: s, litellm_params: {model: auto_router/semantic}}
complexity_router_config:
  tiers: {SIMPLE: [a, z], MEDIUM: z, HUGE: a}
  default_model: z
  classifier_type: llm
  session_affinity: true
router_settings:
  fallbacks: [{a: [z, a]}, {z: [a]}, {a: [q]}]
  model_group_alias: {a: a, gpt: {model: a, hidden: true}, old: z}
  routing_strategy: least-busy
guardrails: []
"""
    loaded = load_text(text, name=FILE)
    assert [card.name for card in loaded.catalog.models] == ["a"]
    assert loaded.catalog.auto is not None
    assert loaded.catalog.auto.tiers == {Tier.SIMPLE: ("a",)}
    assert (loaded.catalog.fallbacks, loaded.catalog.aliases) == ({}, {"gpt": "a"})
    assert [str(warning).removeprefix(f"{FILE}:") for warning in loaded.warnings] == [
        "16: guardrails: this key is not used",
        "3: model_list[1].litellm_params.model: the provider of 'bedrock/x' is not supported; the model is left out",
        "4: model_list[2].litellm_params.model: the provider of 'whoknows' is not supported; the model is left out",
        "5: model_list[3].litellm_params.model: wildcards are not supported; the model is left out",
        "6: model_list[4].litellm_params.model: routers of the kind 'auto_router/semantic' are not supported; it is left "
        "out",
        "8: complexity_router_config.tiers.SIMPLE: no model is called 'z'; it is left out of the tier",
        "8: complexity_router_config.tiers.MEDIUM: no model is called 'z'; it is left out of the tier",
        "8: complexity_router_config.tiers.HUGE: 'HUGE' is no tier (SIMPLE, MEDIUM, COMPLEX, REASONING); it is left "
        "out",
        "9: complexity_router_config.default_model: no model is called 'z'; there is no default model",
        "10: complexity_router_config.classifier_type: only `heuristic` is supported; prompts are scored by it",
        "11: complexity_router_config.session_affinity: this key is not used",
        "13: router_settings.fallbacks.a: no model is called 'z'; it is left out",
        "13: router_settings.fallbacks.a: 'a' would stand in for itself; it is left out",
        "13: router_settings.fallbacks.a: no model is called 'q'; it is left out",
        "13: router_settings.fallbacks.z: no model is called 'z'; its fallbacks are left out",
        "14: router_settings.model_group_alias.a: 'a' is a model's name already; the alias is left out",
        "14: router_settings.model_group_alias.gpt.hidden: this key is not used",
        "14: router_settings.model_group_alias.old: no model is called 'z'; the alias is left out",
        "15: router_settings.routing_strategy: this key is not used",
    ]


def test_a_tier_may_bring_its_own_model_or_change_one(load_text: LoadText) -> None:
    """`{model_name, litellm_params}`: new, the same with other parameters, or just the name."""
    text = (
        TWO
        + """\
- {model_name: b, litellm_params: {model: ollama_chat/b:7b, temperature: 1}}
complexity_router_config:
  tiers:
    SIMPLE: {model_name: a}
    MEDIUM: {model_name: new, litellm_params: {model: groq/x, api_key: k}}
    COMPLEX: [a, {model_name: b, litellm_params: {temperature: 0}}]
    REASONING:
      - {model_name: b, litellm_params: {model: bedrock/x}}
      - {model_name: gone, litellm_params: {temperature: 0}}
      - {model_name: a, litellm_params: {model: ollama_chat/a:70b}}
"""
    )
    loaded = load_text(text, name=FILE)
    assert loaded.catalog.auto is not None
    assert loaded.catalog.auto.tiers == {
        Tier.SIMPLE: ("a",),
        Tier.MEDIUM: ("new",),
        Tier.COMPLEX: ("a", "b@complex"),
        Tier.REASONING: ("a@reasoning",),
    }
    made = [(card.id, card.upstream_model, card.defaults) for card in loaded.catalog.models[3:]]
    assert made == [
        ("new", "x", {}),
        ("b@complex", "b:14b", {"options": {"temperature": 0}}),
        ("b@complex#2", "b:7b", {"options": {"temperature": 0}}),
        ("a@reasoning", "a:70b", {}),
    ]
    assert [warning.message for warning in loaded.warnings] == [
        "the provider of 'bedrock/x' is not supported; the model is left out",
        "no model is called 'gone'; it is left out of the tier",
    ]


def test_settings_find_their_counterparts(load_text: LoadText) -> None:
    """`router_settings` wins over `litellm_settings` over `general_settings`."""
    text = (
        TWO
        + """\
general_settings: {master_key: os.environ/MASTER, request_timeout: 1, database_url: x}
litellm_settings: {request_timeout: 2, num_retries: 4, drop_params: true, fallbacks: [{b: [a]}], cache: true}
router_settings:
  timeout: 3
  allowed_fails: 1
  cooldown_time: 9
  disable_cooldowns: false
  max_fallbacks: 2
  routing_strategy: simple-shuffle
  fallbacks: [{a: [b]}]
  default_fallbacks: [a]
  content_policy_fallbacks: {a: b}
environment_variables: {MASTER: sk-0, OTHER: os.environ/HOME_KEY, N: 5, EMPTY: null}
"""
    )
    loaded = load_text(text, {"MASTER": "sk-1", "HOME_KEY": "h"}, name=FILE)
    settings = loaded.settings
    assert settings.server.master_key == Secret("sk-0")
    assert settings.server.request_timeout_s == 3
    resilience = settings.resilience
    assert (resilience.num_retries, resilience.max_fallbacks, resilience.allowed_fails) == (4, 2, 1)
    assert (resilience.cooldown_s, resilience.max_cooldown_s) == (9, 9)
    assert loaded.catalog.fallbacks == {"a": ("b",), "*": ("a",)}
    assert loaded.catalog.fallbacks_by_kind == {FailureKind.CONTENT: {"a": ("b",)}}
    assert [str(warning) for warning in loaded.warnings] == [
        f"{FILE}:5: litellm_settings.fallbacks: router_settings.fallbacks wins over this one",
        f"{FILE}:4: general_settings.database_url: this key is not used",
        f"{FILE}:5: litellm_settings.cache: this key is not used",
    ]


def test_default_fallbacks_alone_are_the_last_resort(load_text: LoadText) -> None:
    """`default_fallbacks` without `fallbacks` is `*`."""
    assert load_text(TWO + "litellm_settings: {default_fallbacks: b}\n", name=FILE).catalog.fallbacks == {"*": ("b",)}


def test_a_neighbour_is_not_local_until_the_file_says_so(load_text: LoadText) -> None:
    """A loopback `openai/` server may pass text on; the warning holds the line to add."""
    text = """\
model_list:
- {model_name: a, litellm_params: {model: openai/x, api_base: "http://localhost:8080/v1", api_key: none}}
- {model_name: b, litellm_params: {model: "ollama_chat/x:120b-cloud"}}
- {model_name: c, litellm_params: {model: ollama/x, api_base: "http://localhost:11434"}}
"""
    loaded = load_text(text, name=FILE)
    assert [card.is_local for card in loaded.catalog.models] == [False, False, True]
    assert [str(warning) for warning in loaded.warnings] == [
        f"{FILE}:2: the model 'a' is served on this machine but may pass text on, so it gets no private text; if it does "
        "not, add `model_info: {pointsman_local: true}`"
    ]


def test_included_files_are_merged(load_text: LoadText, tmp_path: Path) -> None:
    """Lists are joined, mappings merged, the rest replaced; files may include files."""
    (tmp_path / "one.yaml").write_text(TWO + "router_settings: {timeout: 5}\ninclude: two.yaml\nguardrails: 2\n")
    (tmp_path / "two.yaml").write_text("router_settings: {fallbacks: {a: b}}\n")
    loaded = load_text(
        "include: [one.yaml]\nguardrails: 1\nmodel_list: [{model_name: c, litellm_params: {model: ollama/c}}]\n",
        name=FILE,
    )
    assert [card.name for card in loaded.catalog.models] == ["c", "a", "b"]
    assert loaded.catalog.fallbacks == {"a": ("b",)}
    assert loaded.settings.server.request_timeout_s == 5


def test_a_router_may_have_no_tiers_of_its_own(load_text: LoadText) -> None:
    """Its own default model wins over the sibling key; fallbacks to nobody are none."""
    text = (
        TWO
        + """\
- model_name: r
  litellm_params:
    model: auto_router/complexity_router
    complexity_router_config: {default_model: a}
    complexity_router_default_model: b
router_settings: {fallbacks: [{a: [q]}]}
"""
    )
    loaded = load_text(text, name=FILE)
    assert [(router.name, router.default_model) for router in loaded.catalog.routers] == [("auto", "a"), ("r", "a")]
    assert loaded.catalog.fallbacks == {}
    assert [warning.message for warning in loaded.warnings] == ["no model is called 'q'; it is left out"]


REFUSALS = {
    "model_list: 5\n": "1: model_list: should be a list, not a whole number.",
    "model_list: [5]\n": "1: model_list[0]: should be a mapping with `model_name` and `litellm_params`, not a whole "
    "number.",
    "model_list:\n- litellm_params: {}\n": "2: model_list[0].model_name: is missing.",
    "model_list:\n- model_name: a\n": "2: model_list[0].litellm_params.model: is missing.",
    "model_list:\n- model_name: a\n  litellm_params: x\n": "3: model_list[0].litellm_params: should be a mapping, not "
    "text.",
    "model_list:\n- model_name: [a]\n": "2: model_list[0].model_name: should be text, not a list.",
    TWO + "router_settings: {fallbacks: 5}\n": "4: router_settings.fallbacks: should be a list of mappings such as "
    "`- heavy: [frontier]`, not a whole number.",
    TWO + "router_settings: {fallbacks: [5]}\n": "4: router_settings.fallbacks[0]: should be a mapping such as "
    "`heavy: [frontier]`, not a whole number.",
    TWO + "router_settings: {fallbacks: [{a: [1.5]}]}\n": "4: router_settings.fallbacks[0].a[0]: should be a model's "
    "name, not a number.",
    TWO + "router_settings: {model_group_alias: {g: true}}\n": "4: router_settings.model_group_alias.g: should be a "
    "model's name, not true or false.",
    TWO
    + "complexity_router_config: {tiers: {SIMPLE: {}}}\n": "4: complexity_router_config.tiers.SIMPLE.model_name: is "
    "missing.",
    TWO + "complexity_router_config: {tiers: {SIMPLE: }}\n": "4: complexity_router_config.tiers.SIMPLE: should be a "
    "model's name, a list of names, or {model_name, litellm_params}, not empty.",
    "model_list: [{model_name: a, litellm_params: {model: ollama/a, input_cost_per_token: x}}]\n": "1: "
    "model_list[0].litellm_params.input_cost_per_token: should be a number, not text.",
    "general_settings: {master_key: os.environ/NO}\n": "1: general_settings.master_key: the environment variable NO is "
    "not set. Set it, or write the value in place of os.environ/NO.",
    "model_list: []\nenvironment_variables: {A: os.environ/NO}\n": "2: environment_variables.A: the environment variable "
    "NO is not set. Set it, or write the value in place of os.environ/NO.",
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.items(), ids=range(len(REFUSALS)))
def test_a_litellm_file_that_makes_no_sense_is_refused_with_its_line(text: str, message: str, refusal: Refusal) -> None:
    """Whole messages, in LiteLLM's own paths."""
    assert refusal(text, name=FILE) == f"{FILE}:{message}"


def test_an_included_file_that_is_missing_is_named(refusal: Refusal, tmp_path: Path) -> None:
    """The include says which file it wanted."""
    text = "model_list: []\ninclude: [gone.yaml]\n"
    assert refusal(text, name=FILE) == f"{tmp_path / 'gone.yaml'}: there is no such file."


def test_files_that_include_each_other_are_refused(refusal: Refusal, tmp_path: Path) -> None:
    """A circle ends in an error, not in a hang."""
    assert refusal(f"model_list: []\ninclude: {FILE}\n", name=FILE) == (
        f"{tmp_path / FILE}:2: include: more than 100 files; do they include each other?"
    )


NAMES = st.sampled_from("abcd")
PAIRS = st.lists(
    st.tuples(NAMES, st.lists(NAMES, min_size=1, max_size=3, unique=True)), unique_by=lambda pair: pair[0], max_size=4
)


@given(PAIRS, st.data())
def test_fallbacks_mean_the_same_in_every_shape(pairs: list[tuple[str, list[str]]], data: st.DataObject) -> None:
    """A list of mappings, several keys a mapping, one mapping; names bare, as `{model: name}`, or single."""

    def target(name: str) -> Json:
        return {"model": name} if data.draw(st.booleans()) else name

    def targets(names: list[str]) -> Json:
        return target(names[0]) if len(names) == 1 and data.draw(st.booleans()) else [target(name) for name in names]

    entries: list[tuple[str, Json]] = [(source, targets(names)) for source, names in pairs]
    split = data.draw(st.integers(0, len(entries)))
    shapes: list[Json] = [
        [{source: value} for source, value in entries],
        [dict(entries[:split]), dict(entries[split:])],
        dict(entries),
    ]
    shape = data.draw(st.sampled_from(shapes))
    notes = Notes()
    found = chains(from_plain(shape, DEFAULT), ("fallbacks",), notes)
    assert json.loads(json.dumps(plain(mapping(found)))) == dict(pairs)
    assert notes.warnings == []
