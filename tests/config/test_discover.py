"""What servers answer and the environment holds becomes settings; nobody is asked from here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.config import PROBES, FoundModel, Settings, loaded_from, settings_for_demo, settings_from
from pointsman.config.discover import Discovery
from pointsman.core.catalog import Capability, Secret, Tier
from pointsman.core.jsontypes import Json


def tiers(found: Discovery) -> dict[str, tuple[str | None, bool]]:
    """Each found model's tier, and whether it is local."""
    return {model.name: (model.tier, model.is_local) for model in found.models}


def test_the_usual_places_are_asked() -> None:
    """Each server at its usual port, each at a path of its own API."""
    assert [(probe.name, probe.url) for probe in PROBES] == [
        ("ollama", "http://127.0.0.1:11434/api/tags"),
        ("lm_studio", "http://127.0.0.1:1234/api/v0/models"),
        ("llama_cpp", "http://127.0.0.1:8080/v1/models"),
        ("vllm", "http://127.0.0.1:8000/v1/models"),
        ("litert_lm", "http://127.0.0.1:9379/v1/models"),
    ]


def test_ollamas_models_get_tiers_by_size() -> None:
    """The size it reports, else the name's; embeddings are not routed; cloud models are not local."""
    answer: Json = {
        "models": [
            {"name": "qwen2.5:3b", "details": {"parameter_size": "3.1B"}},
            {"name": "phi4:latest", "details": {"parameter_size": "14.7B"}},
            {"name": "gemma3:270m", "details": {"parameter_size": "268.10M"}},
            {"model": "qwen2.5:32b", "details": {"parameter_size": "?B"}},
            {"name": "who:latest", "details": {"parameter_size": 5}},
            {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
            {"name": "mxb:latest", "details": {"families": ["bert"]}},
            {"name": "gpt-oss:120b-cloud"},
            {"name": "kimi:latest", "remote_host": "https://ollama.com"},
            {"name": " "},
            5,
        ]
    }
    found = settings_from({"ollama": answer}, {})
    assert tiers(found) == {
        "qwen2.5:3b": (Tier.SIMPLE, True),
        "phi4:latest": (Tier.MEDIUM, True),
        "gemma3:270m": (Tier.SIMPLE, True),
        "qwen2.5:32b": (Tier.COMPLEX, True),
        "who:latest": (Tier.MEDIUM, True),
        "nomic-embed-text:latest": (None, True),
        "mxb:latest": (None, True),
        "gpt-oss:120b-cloud": (Tier.REASONING, False),
        "kimi:latest": (Tier.REASONING, False),
    }
    catalog = loaded_from(found.settings).catalog
    assert catalog.auto is not None
    assert catalog.auto.tiers[Tier.REASONING] == ("gpt-oss:120b-cloud", "kimi:latest")
    lacks = {card.name: card.lacks for card in catalog.models}
    assert lacks["mxb:latest"] == frozenset(Capability) - {Capability.EMBEDDINGS}
    assert [card.is_local for card in catalog.models] == [model.is_local for model in found.models]


def test_servers_of_openais_shape_are_local_when_they_say_who_they_are() -> None:
    """The same answer from somebody else may be a proxy's; a name taken twice is told apart."""
    found = settings_from(
        {
            "lm_studio": {
                "data": [
                    {"id": "qwen-7b", "type": "llm", "loaded_context_length": 4096},
                    {"id": "e", "type": "embeddings"},
                ]
            },
            "llama_cpp": {
                "data": [{"id": "m.gguf", "owned_by": "llamacpp", "meta": {"n_params": 32e9, "n_ctx": 8192}}]
            },
            "vllm": {"data": [{"id": "qwen-7b", "owned_by": "openai", "max_model_len": 100}]},
            "litert_lm": {"data": []},
        },
        {},
    )
    assert found.models == (
        FoundModel(name="qwen-7b", endpoint="lm_studio", tier=Tier.MEDIUM, is_local=True, context_tokens=4096),
        FoundModel(name="e", endpoint="lm_studio", tier=None, is_local=True),
        FoundModel(name="m.gguf", endpoint="llama_cpp", tier=Tier.COMPLEX, is_local=True, context_tokens=8192),
        FoundModel(name="vllm/qwen-7b", endpoint="vllm", tier=Tier.MEDIUM, is_local=False, context_tokens=100),
    )
    assert found.lines == (
        "LM Studio at http://127.0.0.1:1234/v1: qwen-7b, e",
        "llama.cpp at http://127.0.0.1:8080/v1: m.gguf",
        "vLLM at http://127.0.0.1:8000/v1: qwen-7b (not known to be local: it gets no private text)",
    )


def test_keys_in_the_environment_bring_cloud_models() -> None:
    """One model a tier for each provider, with key, price and window; the key never shows."""
    found = settings_from({}, {"OPENAI_API_KEY": " sk-secret ", "GOOGLE_API_KEY": "sk-secret-2", "GROQ_API_KEY": ""})
    assert [(model.name, model.tier) for model in found.models] == [
        ("gpt-5-nano", Tier.SIMPLE),
        ("gpt-5-mini", Tier.MEDIUM),
        ("gpt-5.4-mini", Tier.COMPLEX),
        ("gpt-5.4", Tier.REASONING),
        ("gemini-2.5-flash-lite", Tier.SIMPLE),
        ("gemini-2.5-flash", Tier.MEDIUM),
        ("gemini-2.5-pro", Tier.REASONING),
    ]
    cards = loaded_from(found.settings).catalog.models
    assert cards[0].endpoint.api_key == Secret("sk-secret")
    assert all(card.price is not None and card.context_tokens is not None and not card.is_local for card in cards)
    assert "sk-secret" not in repr(found)


def test_every_providers_default_models_have_a_price() -> None:
    """What discovery offers is in the price table, whatever its vendor's spelling."""
    variables = ("OPENAI", "ANTHROPIC", "GEMINI", "OPENROUTER", "GROQ", "MISTRAL", "DEEPSEEK", "XAI")
    found = settings_from({}, {f"{name}_API_KEY": "k" for name in variables})
    unpriced = [card.name for card in loaded_from(found.settings).catalog.models if card.price is None]
    assert unpriced == []
    assert len({card.id for card in loaded_from(found.settings).catalog.models}) == len(found.models) == 23


def test_what_is_configured_besides_models_stays() -> None:
    """Discovery fills in models only."""
    base = Settings.model_validate({"server": {"port": 5}})
    assert settings_from({}, {}, base).settings == base


@pytest.mark.parametrize("where", ["/models/small.gguf", "http://127.0.0.1:5/v1"])
def test_demo_models_are_local_and_labelled(where: str) -> None:
    """Small, medium and large serve simple, medium and complex."""
    names = ("demo-small", "demo-medium", "demo-large")
    loaded = loaded_from(settings_for_demo(dict.fromkeys(names, where)))
    assert loaded.catalog.auto is not None
    assert loaded.catalog.auto.tiers == {
        Tier.SIMPLE: ("demo-small",),
        Tier.MEDIUM: ("demo-medium",),
        Tier.COMPLEX: ("demo-large",),
    }
    assert all(card.is_demo and card.is_local for card in loaded.catalog.models)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["x:3b", "B", "llamacpp"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["models", "data", "name", "id", "details", "parameter_size", "families", "meta", "owned_by"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([probe.name for probe in PROBES]), JSON))
def test_any_answer_is_read_without_an_error(answers: dict[str, Json]) -> None:
    """A server that answers nonsense offers nothing."""
    loaded_from(settings_from(answers, {}).settings)


AZURE = {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://r.openai.azure.com"}


def test_azures_deployments_are_found_by_the_names_the_environment_gives() -> None:
    """Nobody else knows them; their tiers are guessed, and OpenAI's model of the same name keeps its own."""
    environ = {
        **AZURE,
        "AZURE_API_VERSION": "2024-10-21",
        "AZURE_OPENAI_DEPLOYMENT": "gpt-5-mini, chat",
        "OPENAI_API_KEY": "o",
    }
    found = settings_from({}, environ)
    assert tiers(found) | {"azure/gpt-5-mini": (Tier.MEDIUM, False), "chat": (Tier.REASONING, False)} == tiers(found)
    assert found.lines[-1] == "azure: key found, azure/gpt-5-mini, chat"
    card = loaded_from(found.settings).catalog.pools["azure/gpt-5-mini"][0]
    assert (card.endpoint.base_url, card.endpoint.query, card.endpoint.api_key, card.price is not None) == (
        "https://r.openai.azure.com/openai/deployments/gpt-5-mini",
        "api-version=2024-10-21",
        Secret("k"),
        True,
    )


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        (AZURE, ("azure: key found; name your deployments in AZURE_OPENAI_DEPLOYMENT",)),
        ({"AZURE_API_KEY": "k"}, ()),
        ({"AZURE_API_BASE": "https://r.openai.azure.com"}, ()),
        (
            {**AZURE, "AZURE_API_BASE": "r.openai.azure.com", "AZURE_OPENAI_DEPLOYMENT": "d"},
            ("azure: key found, but address or version is none; see AZURE_API_BASE and AZURE_API_VERSION",),
        ),
    ],
)
def test_an_incomplete_azure_offers_nothing(environ: dict[str, str], lines: tuple[str, ...]) -> None:
    """And says what is missing, once there is a key."""
    found = settings_from({}, environ)
    assert (found.models, found.lines) == ((), lines)


def test_a_found_server_has_the_quirks_of_its_kind() -> None:
    """llama.cpp takes no tool by name, wherever it listens on this machine."""
    rows: Json = {"data": [{"id": "m", "owned_by": "llamacpp"}]}
    card = loaded_from(settings_from({"llama_cpp": rows}, {}).settings).catalog.models[0]
    assert card.quirks is not None
    assert not card.quirks.has_named_choice
