"""Which server a model is at, how it is asked there, and what that server and that model do not take."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from pointsman.config import Settings, build_catalog, quirks
from pointsman.config.providers import ALL, PROVIDERS
from pointsman.config.servers import azure_address, provider_at
from pointsman.core.catalog import Auth, ModelCard, Quirks, Secret
from pointsman.core.errors import ConfigError
from pointsman.dialects.registry import UPSTREAMS
from tests.config.conftest import LoadText

RESOURCE = "https://r.openai.azure.com"
CLASSIC = "api-version=2024-10-21"


def card(model: str, **fields: object) -> ModelCard:
    """The card of one model."""
    return build_catalog(Settings.model_validate({"models": [{"name": "m", "model": model, **fields}]})).models[0]


def quirks_of(model: str, **fields: object) -> Quirks:
    """Its quirks; of those that have none, none."""
    return card(model, **fields).quirks or Quirks()


@pytest.mark.parametrize("provider", ALL, ids=lambda provider: provider.name)
def test_a_prefix_says_all_that_a_request_needs(provider: object) -> None:
    """An address (Azure's excepted), a dialect that is spoken, and names nobody else has."""
    assert provider in ALL
    found = next(one for one in ALL if one is provider)
    assert found.dialect in UPSTREAMS
    assert [PROVIDERS[name] for name in (found.name, *found.prefixes)] == [found] * (1 + len(found.prefixes))
    if found.base_url is None:
        assert found.address_variables
        return
    url = urlsplit(found.base_url)
    assert (url.scheme, bool(found.key_variables)) == (
        ("http", False) if url.hostname == "localhost" else ("https", True)
    )
    made = card(f"{found.name}/some-model", api_key="k")
    assert (made.endpoint.base_url, made.endpoint.name, made.upstream_model) == (
        found.base_url,
        found.name,
        "some-model",
    )


@pytest.mark.parametrize(
    ("model", "dialect", "auth"),
    [
        ("openai/x", "openai_chat", Auth.BEARER),
        ("openai/responses/x", "openai_responses", Auth.BEARER),
        ("anthropic/x", "anthropic_messages", Auth.X_API_KEY),
        ("gemini/x", "gemini", Auth.X_GOOG_API_KEY),
        ("mistral/x", "openai_chat", Auth.BEARER),
        ("ollama_chat/x", "ollama", Auth.BEARER),
    ],
)
def test_a_key_goes_where_its_api_reads_it(model: str, dialect: str, auth: Auth) -> None:
    """Unless another header is named."""
    endpoint = card(model).endpoint
    assert (endpoint.dialect, endpoint.auth, card(model).upstream_model) == (dialect, auth, "x")
    assert card(model, auth="api-key").endpoint.auth is Auth.API_KEY


@pytest.mark.parametrize(
    ("model", "base_url", "asked", "dialect"),
    [
        ("anthropic/x", "https://api.anthropic.com", "https://api.anthropic.com/v1", "anthropic_messages"),
        ("anthropic/x", "https://proxy.example/claude/", "https://proxy.example/claude", "anthropic_messages"),
        ("gemini/x", "https://proxy.example", "https://proxy.example/v1beta", "gemini"),
        ("gemini/x", "https://proxy.example/v1beta/openai", "https://proxy.example/v1beta/openai", "openai_chat"),
        ("ollama/x", "http://gpu-box:11434/v1", "http://gpu-box:11434", "ollama"),
        ("openai/x", "http://gpu-box:9", "http://gpu-box:9", "openai_chat"),
    ],
)
def test_an_address_may_leave_out_the_version(model: str, base_url: str, asked: str, dialect: str) -> None:
    """LiteLLM's files do, for APIs with one of their own; Gemini's other API has another path and another key."""
    endpoint = card(model, base_url=base_url, api_key="k").endpoint
    auth = {"anthropic_messages": Auth.X_API_KEY, "gemini": Auth.X_GOOG_API_KEY}.get(dialect, Auth.BEARER)
    assert (endpoint.base_url, endpoint.dialect, endpoint.auth) == (asked, dialect, auth)


@pytest.mark.parametrize(
    ("base_url", "query", "dialect", "asked"),
    [
        (RESOURCE, "", "openai_chat", (f"{RESOURCE}/openai/v1", "")),
        (f"{RESOURCE}/openai", "api-version=v1", "openai_chat", (f"{RESOURCE}/openai/v1", "")),
        (RESOURCE, "api-version=preview", "openai_chat", (f"{RESOURCE}/openai/v1", "api-version=preview")),
        (RESOURCE, CLASSIC, "openai_chat", (f"{RESOURCE}/openai/deployments/my%2Fgpt", CLASSIC)),
        (RESOURCE, CLASSIC, "openai_responses", (f"{RESOURCE}/openai", CLASSIC)),
        (f"{RESOURCE}/openai/v1", CLASSIC, "openai_chat", (f"{RESOURCE}/openai/v1", CLASSIC)),
        (f"{RESOURCE}/openai/deployments/d", "", "openai_chat", (f"{RESOURCE}/openai/deployments/d", "")),
    ],
)
def test_azure_is_asked_by_deployment_when_a_dated_version_is_named(
    base_url: str, query: str, dialect: str, asked: tuple[str, str]
) -> None:
    """Otherwise by its newer API, which needs no version; an address with a path is meant as it is."""
    assert azure_address(base_url, query, "my/gpt", dialect) == asked


def test_azure_keeps_its_key_in_a_header_of_its_own() -> None:
    """By prefix or by address, in a model or in an entry of `endpoints`."""
    inline = card("azure/gpt", base_url=RESOURCE, query=CLASSIC, api_key="k").endpoint
    assert (inline.auth, inline.query, inline.api_key) == (Auth.API_KEY, CLASSIC, Secret("k"))
    settings = {
        "endpoints": {"a": {"base_url": f"{RESOURCE}/openai/deployments/{{model}}", "query": CLASSIC, "api_key": "k"}},
        "models": [{"name": "m", "model": "my gpt", "endpoint": "a"}],
    }
    named = build_catalog(Settings.model_validate(settings)).models[0].endpoint
    assert named == replace(inline, name="a", base_url=f"{RESOURCE}/openai/deployments/my%20gpt")


def test_azure_without_an_address_is_asked_for_one() -> None:
    """Everybody has their own; LiteLLM's and Azure's own variables say it too."""
    with pytest.raises(ConfigError, match=r"served\. Give `base_url`, or set AZURE_API_BASE"):
        card("azure/gpt")


@pytest.mark.parametrize(
    ("environ", "base_url", "key"),
    [
        ({"AZURE_API_BASE": RESOURCE, "AZURE_API_KEY": "k"}, f"{RESOURCE}/openai/v1", Secret("k")),
        (
            {"AZURE_OPENAI_ENDPOINT": f"{RESOURCE}/", "AZURE_API_VERSION": "2024-10-21", "AZURE_OPENAI_API_KEY": "k"},
            f"{RESOURCE}/openai/deployments/gpt",
            Secret("k"),
        ),
        (
            {"AZURE_API_BASE": "https://gateway.example", "AZURE_API_KEY": "k"},
            "https://gateway.example/openai/v1",
            Secret("k"),
        ),
        ({"AZURE_API_BASE": RESOURCE}, f"{RESOURCE}/openai/v1", None),
    ],
)
def test_the_environment_completes_an_azure_model(
    environ: dict[str, str], base_url: str, key: Secret | None, load_text: LoadText
) -> None:
    """Address, version and key."""
    endpoint = load_text("models: [{name: m, model: azure/gpt}]\n", environ).catalog.models[0].endpoint
    assert (endpoint.base_url, endpoint.api_key) == (base_url, key)


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        (RESOURCE, Secret("k")),
        ("http://r.openai.azure.com", None),
        ("https://openai.azure.com.evil.example", None),
        ("https://gateway.example", None),
    ],
)
def test_a_key_of_the_environment_goes_to_no_address_that_only_a_file_names(
    base_url: str, key: Secret | None, load_text: LoadText
) -> None:
    """But for Azure's own hosts, by https."""
    text = f"models: [{{name: m, model: azure/gpt, base_url: '{base_url}'}}]\n"
    assert load_text(text, {"AZURE_API_KEY": "k"}).catalog.models[0].endpoint.api_key == key


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://API.OPENAI.COM/v1", "openai"),
        (RESOURCE, "azure"),
        ("http://127.0.0.1:8080/v1", "llama_cpp"),
        ("https://api.mistral.ai.evil.example/v1", None),
        ("https://openai.azure.com.evil.example", None),
        ("http://gpu-box:8080/v1", None),
    ],
)
def test_an_address_tells_whose_server_it_is(base_url: str, name: str | None) -> None:
    """The host alone: whatever comes before or after it."""
    found = provider_at(base_url)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("x", {"base_url": "http://gpu-box:9/v1"}, quirks.BY_TEMPLATE),
        ("openai/x", {"base_url": "http://gpu-box:9/v1"}, quirks.BY_TEMPLATE),
        ("x", {"base_url": "https://api.groq.com/openai/v1"}, quirks.GROQ),
        ("mistral/x", {"base_url": "https://proxy.example/v1"}, quirks.MISTRAL),
        ("openrouter/x", {}, quirks.BY_TEMPLATE),
        ("llamafile/x", {}, quirks.LLAMA_CPP),
        ("openai/x", {}, quirks.OPENAI),
        ("anthropic/x", {}, Quirks()),
        ("gemini/x", {}, Quirks()),
        ("ollama/x", {}, Quirks()),
        ("openai/responses/gpt-4o", {}, Quirks()),
    ],
)
def test_quirks_are_known_by_address_before_prefix(model: str, fields: dict[str, object], expected: Quirks) -> None:
    """`openai/` with another address is any server of that shape, of which little can be assumed."""
    assert quirks_of(model, **fields) == expected


def test_an_endpoint_may_say_whose_server_it_is() -> None:
    """When its address does not: a llama.cpp on another machine."""
    endpoint = {"base_url": "http://gpu-box:9/v1", "provider": "llama_cpp"}
    settings = {"endpoints": {"e": endpoint}, "models": [{"name": "m", "endpoint": "e", "model": "x"}]}
    assert build_catalog(Settings.model_validate(settings)).models[0].quirks == quirks.LLAMA_CPP


def test_the_built_in_llama_has_quirks_too() -> None:
    """It is llama.cpp."""
    settings = Settings.model_validate({"models": [{"name": "m", "gguf": "m.gguf"}]})
    assert build_catalog(settings).models[0].quirks == quirks.LLAMA_CPP


@pytest.mark.parametrize(
    ("model", "refuses"),
    [
        ("openai/gpt-5-mini", True),
        ("openai/gpt-5.4", True),
        ("openai/o4-mini", True),
        ("openai/responses/gpt-5", True),
        ("openai/gpt-5-chat-latest", False),
        ("openai/gpt-4.1", False),
        ("openrouter/openai/gpt-5", False),
    ],
)
def test_openais_models_that_think_take_no_temperature(model: str, *, refuses: bool) -> None:
    """By either API; OpenRouter leaves it out by itself."""
    assert ("temperature" in quirks_of(model).refuses_thinking) is refuses


@pytest.mark.parametrize(
    ("model", "query", "limit"),
    [
        ("azure/gpt-4o", "", "max_completion_tokens"),
        ("azure/my-own", "", "max_completion_tokens"),
        ("azure/gpt-4o", CLASSIC, "max_tokens"),
        ("azure/o3", CLASSIC, "max_completion_tokens"),
        ("openai/gpt-4o", "", "max_completion_tokens"),
        ("mistral/m", "", "max_tokens"),
    ],
)
def test_the_limit_of_an_answer_has_the_name_its_server_knows(model: str, query: str, limit: str) -> None:
    """OpenAI's models that think know the new name only, an older Azure and most others the old one."""
    own = {"base_url": RESOURCE, "query": query} if model.startswith("azure") else {}
    names = [known for _, known in quirks_of(model, **own).renames if known.startswith("max_")]
    assert names == [limit]


@pytest.mark.parametrize(
    ("model", "chars"),
    [
        ("openrouter/mistralai/ministral-8b", 9),
        ("vllm/mistralai/Mixtral-8x7B", 9),
        ("llama_cpp/Devstral-Small", 9),
        ("openrouter/qwen/qwen3", None),
        ("openai/gpt-5", None),
    ],
)
def test_mistrals_models_take_ids_of_nine_wherever_they_are(model: str, chars: int | None) -> None:
    """Their chat templates raise on any other."""
    assert quirks_of(model).call_id_chars == chars


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        ("grok-4-fast", {"frequency_penalty", "presence_penalty", "stop", "reasoning_effort"}),
        ("grok-3-mini", {"frequency_penalty", "presence_penalty", "stop"}),
        ("grok-4.3", {"frequency_penalty", "presence_penalty", "stop"}),
        ("grok-4-1-fast-non-reasoning", {"reasoning_effort"}),
        ("grok-3", set()),
    ],
)
def test_groks_that_think_refuse_penalties(model: str, refused: set[str]) -> None:
    """And some of them to be told how hard to think."""
    assert quirks_of(f"xai/{model}").refuses == refused
