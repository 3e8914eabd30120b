"""Settings to cards: pools, endpoints, prices, locality, what a model lacks, and routing switched off."""

from __future__ import annotations

import pytest

from pointsman.config import GgufModel, Settings, build_catalog, loaded_from
from pointsman.config.catalog import gguf_models, guess_tier
from pointsman.config.locality import is_local, is_loopback, is_nearby, is_ollama_cloud
from pointsman.config.prices import as_of, known_models, look_up
from pointsman.config.sizes import billions_of_parameters, is_embedding_model, tier_by_size
from pointsman.core.catalog import FREE, Capability, Catalog, Price, Tier
from pointsman.core.errors import ConfigError
from pointsman.core.failure import FailureKind


def settings(*models: dict[str, object], **rest: object) -> Settings:
    """Settings of *models* and whatever else."""
    return Settings.model_validate({"models": list(models), **rest})


def test_entries_of_one_name_form_a_pool_with_ids_of_their_own() -> None:
    """`name`, `name#2`, and never an id that is another model's name."""
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "ollama/x", "order": 2, "weight": 3},
            {"name": "a#2", "model": "ollama/y"},
            {"name": "a", "model": "ollama/z", "order": 1},
        )
    )
    assert [card.id for card in catalog.models] == ["a", "a#2", "a#3"]
    assert [card.upstream_model for card in catalog.pools["a"]] == ["z", "x"]


def test_equal_servers_are_one_endpoint_and_different_ones_have_their_own_name() -> None:
    """The same address with another key, timeout or locality is another endpoint."""
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "openai/x", "api_key": "1"},
            {"name": "b", "model": "openai/y", "api_key": "1"},
            {"name": "c", "model": "openai/x", "api_key": "2"},
            {"name": "d", "model": "openai/x", "api_key": "2", "idle_timeout_s": 3},
            {"name": "e", "model": "ollama/x"},
            {"name": "f", "model": "ollama/x:120b-cloud"},
            {"name": "g", "model": "plain", "base_url": "http://h:1/v1"},
            {"name": "h", "model": "ollama/q", "base_url": "http://localhost:11434/v1/"},
            {"name": "i", "model": "openai/gpt-oss", "base_url": "http://h:2/v1", "dialect": "openai_chat"},
        )
    )
    assert [(card.endpoint.name, card.upstream_model) for card in catalog.models] == [
        ("openai", "x"),
        ("openai", "y"),
        ("openai#2", "x"),
        ("openai#3", "x"),
        ("ollama", "x"),
        ("ollama-cloud", "x:120b-cloud"),
        ("h:1", "plain"),
        ("ollama", "q"),
        ("h:2", "openai/gpt-oss"),
    ]
    assert [card.is_local for card in catalog.models] == [False] * 4 + [True, False, False, True, False]


def test_a_named_endpoint_lends_its_key_headers_and_locality() -> None:
    """The model's own word wins over its endpoint's."""
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "x", "endpoint": "e"},
            {"name": "b", "model": "x", "endpoint": "e", "local": False, "headers": {"X": "2"}, "api_key": "own"},
            endpoints={
                "e": {"base_url": "http://h/v1/", "local": True, "api_key": "k", "headers": {"X": "1", "Y": "1"}}
            },
        )
    )
    first, second = (card.endpoint for card in catalog.models)
    assert (first.name, first.base_url, first.is_local, first.headers) == (
        "e",
        "http://h/v1",
        True,
        (("X", "1"), ("Y", "1")),
    )
    assert (second.name, second.is_local, second.headers) == ("e#2", False, (("X", "2"), ("Y", "1")))
    assert second.api_key is not None
    assert second.api_key.reveal() == "own"


def test_gguf_models_wait_for_their_address() -> None:
    """Until it is served a GGUF model has an address nobody can call; then it has the real one."""
    made = settings(
        {"name": "tiny", "gguf": "tiny.gguf", "tier": "simple"},
        {"name": "search", "gguf": {"path": "e.gguf", "embedding": True, "context_tokens": 512, "parallel": 3}},
        {"name": "fast", "gguf": {"path": "f.gguf", "gpu_layers": 0, "threads": 2}},
    )
    assert gguf_models(made) == (
        GgufModel(id="tiny", path="tiny.gguf", context_tokens=4096, parallel=1, embedding=False),
        GgufModel(id="search", path="e.gguf", context_tokens=512, parallel=3, embedding=True),
        GgufModel(id="fast", path="f.gguf", context_tokens=4096, parallel=1, embedding=False, gpu_layers=0, threads=2),
    )
    tiny, search, _ = build_catalog(made, {"search": "http://127.0.0.1:5/v1"}).models
    assert (tiny.endpoint.base_url, tiny.is_local, tiny.price, tiny.context_tokens) == (
        "embedded:tiny",
        True,
        FREE,
        4096,
    )
    assert tiny.lacks == {Capability.EMBEDDINGS, Capability.IMAGES}
    assert search.endpoint.base_url == "http://127.0.0.1:5/v1"
    assert search.lacks == frozenset(Capability) - {Capability.EMBEDDINGS}


def test_prices_are_declared_then_overridden_then_known_then_free() -> None:
    """A local model is free, a known cloud model has its list price, an unknown one has none."""
    cheap = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "openai/gpt-5", "price": cheap},
            {"name": "b", "model": "openai/gpt-5"},
            {"name": "c", "model": "anthropic/claude-sonnet-4-5-20250929"},
            {"name": "d", "model": "openai/nobody-knows"},
            {"name": "e", "model": "ollama/gpt-5"},
            prices={"gpt-5": {**cheap, "cached_input_usd_per_mtok": 0.5}},
        )
    )
    own = Price(input_usd_per_mtok=1, output_usd_per_mtok=2)
    over = Price(input_usd_per_mtok=1, output_usd_per_mtok=2, cached_input_usd_per_mtok=0.5)
    known = Price(
        input_usd_per_mtok=3, output_usd_per_mtok=15, cached_input_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75
    )
    assert [card.price for card in catalog.models] == [own, over, known, None, over]
    assert catalog.models[2].context_tokens == 200_000
    assert catalog.models[4].context_tokens is None


def test_what_a_model_lacks_is_declared_or_seen_in_an_embeddings_name() -> None:
    """Unknown is not lacking."""
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "ollama/x", "capabilities": ["chat", "tools"]},
            {"name": "b", "model": "ollama/x", "lacks": ["images"]},
            {"name": "c", "model": "ollama/nomic-embed-text"},
        )
    )
    lacks = [card.lacks for card in catalog.models]
    assert lacks[0] == {Capability.IMAGES, Capability.JSON_SCHEMA, Capability.EMBEDDINGS}
    assert lacks[1] == {Capability.IMAGES}
    assert lacks[2] == frozenset(Capability) - {Capability.EMBEDDINGS}


@pytest.mark.parametrize(
    ("given", "sent", "context_tokens"),
    [
        ({"num_ctx": 8192, "temperature": 0.2}, {"options": {"num_ctx": 8192, "temperature": 0.2}}, 8192),
        ({"options": {"num_ctx": 4096, "seed": 1}, "seed": 2}, {"options": {"seed": 1, "num_ctx": 4096}}, 4096),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"options": {"num_predict": 6}}, None),
        ({"max_tokens": 5, "num_predict": 7}, {"options": {"num_predict": 7}}, None),
        ({"stop": "END", "top_k": None}, {"options": {"stop": ["END"]}}, None),
        ({"stop": ["a", "b"]}, {"options": {"stop": ["a", "b"]}}, None),
        ({"keep_alive": "5m", "think": False, "x": 1}, {"keep_alive": "5m", "think": False, "x": 1}, None),
        ({"options": {}}, {}, None),
        ({"options": "wrong", "seed": 1}, {"options": "wrong", "seed": 1}, None),
        ({"num_ctx": "many"}, {"options": {"num_ctx": "many"}}, None),
        ({"num_ctx": 0}, {"options": {"num_ctx": 0}}, None),
        ({}, {}, None),
    ],
)
def test_defaults_reach_ollama_where_it_reads_them(
    given: dict[str, object], sent: dict[str, object], context_tokens: int | None
) -> None:
    """Parameters go under `options`, under Ollama's names; `num_ctx` there is the model's window."""
    (card,) = build_catalog(settings({"name": "a", "model": "ollama/x", "defaults": given})).models
    assert (card.defaults, card.context_tokens) == (sent, context_tokens)


def test_a_declared_window_wins_over_num_ctx() -> None:
    """Whoever declares both may have a reason."""
    model = {"name": "a", "model": "ollama/x", "defaults": {"num_ctx": 8192}, "context_tokens": 6000}
    assert build_catalog(settings(model)).models[0].context_tokens == 6000


def test_an_openai_shaped_server_gets_the_defaults_as_they_are() -> None:
    """It may know `num_ctx` or not, so nothing is believed of its window."""
    defaults = {"num_ctx": 8192, "temperature": 0.2, "max_tokens": 5}
    model = {"name": "a", "model": "lm_studio/x", "local": True, "defaults": defaults}
    (card,) = build_catalog(settings(model)).models
    assert (card.defaults, card.context_tokens) == (defaults, None)


def test_tiers_are_declared_on_either_side_or_guessed_when_nobody_says() -> None:
    """Routing's own lists come first; only a file without any tier is guessed by size and price."""
    declared = build_catalog(
        settings(
            {"name": "a", "model": "ollama/x", "tier": "small", "tiers": ["medium"]},
            {"name": "b", "model": "ollama/y", "tier": "medium"},
            {"name": "c", "model": "ollama/z"},
            routing={"tiers": {"medium": "b", "large": ["c"]}, "routers": {"r": {"tiers": {"frontier": ["a"]}}}},
        )
    )
    assert declared.auto is not None
    assert declared.auto.tiers == {Tier.SIMPLE: ("a",), Tier.MEDIUM: ("b", "a"), Tier.COMPLEX: ("c",)}
    assert declared.routers_by_name["r"].tiers == {Tier.REASONING: ("a",)}
    assert declared.routers_by_name["r"].default_tier is Tier.REASONING
    guessed = build_catalog(
        settings(
            {"name": "a", "model": "ollama/x:3b"},
            {"name": "b", "model": "ollama/y:32b"},
            {"name": "e", "model": "ollama/nomic-embed-text"},
            {"name": "f", "model": "openai/gpt-5"},
        )
    )
    assert guessed.auto is not None
    assert guessed.auto.tiers == {Tier.SIMPLE: ("a",), Tier.COMPLEX: ("b",), Tier.REASONING: ("f",)}
    assert guessed.auto.default_tier is Tier.COMPLEX
    assert build_catalog(Settings()).auto is None


def test_fallbacks_and_aliases_reach_the_catalog() -> None:
    """By kind of failure, with `*` for any model."""
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "ollama/x", "aliases": "fast"},
            {"name": "b", "model": "ollama/y"},
            aliases={"gpt-4": "b"},
            fallbacks={"a": "b", "*": ["a"]},
            context_window_fallbacks={"a": ["b"]},
            content_policy_fallbacks={"b": ["a"]},
            savings={"baseline": "b"},
            resilience={"climb_tiers": False},
        )
    )
    assert catalog.aliases == {"gpt-4": "b", "fast": "a"}
    assert catalog.fallbacks == {"a": ("b",), "*": ("a",)}
    assert catalog.fallbacks_by_kind == {FailureKind.CONTEXT: {"a": ("b",)}, FailureKind.CONTENT: {"b": ("a",)}}
    assert (catalog.baseline, catalog.climb_tiers) == ("b", False)


@pytest.mark.parametrize(
    ("rest", "standard"),
    [
        ({"model": {"name": "b"}}, "b"),
        ({"model": {"name": "old"}, "aliases": {"old": "b"}}, "b"),
        ({"model": {"name": "simple"}}, "a"),
        ({"model": {"name": "reasoning"}}, "c"),
        ({"model": {"name": "other"}}, "a"),
        ({"routing": {"default_model": "b"}}, "b"),
        ({}, "c"),
    ],
)
def test_routing_off_means_one_model_and_no_fallback(rest: dict[str, dict[str, object]], standard: str) -> None:
    """Every router then means the standard model and nothing else, whose own error is the answer."""
    tiers = {"simple": ["a"], "medium": ["c"]}
    routers = {"other": {"tiers": {"simple": ["a"]}}}
    routing = {"enabled": False, "tiers": tiers, "routers": routers, **rest.get("routing", {})}
    catalog = build_catalog(
        settings(
            {"name": "a", "model": "ollama/x"},
            {"name": "b", "model": "ollama/y"},
            {"name": "c", "model": "ollama/z"},
            fallbacks={"a": ["b"]},
            **{**rest, "routing": routing},
        )
    )
    assert [(router.name, dict(router.tiers), router.default_model) for router in catalog.routers] == [
        ("auto", {}, standard),
        ("other", {}, standard),
    ]
    assert (catalog.fallbacks, catalog.fallbacks_by_kind, catalog.climb_tiers) == ({}, {}, False)


def test_routing_off_without_models_leaves_nothing() -> None:
    """There is no standard model where there is no model."""
    assert build_catalog(settings(routing={"enabled": False})) == Catalog(models=(), climb_tiers=False)


def test_a_model_without_a_server_is_refused_in_code_too() -> None:
    """Settings made in code meet the same check."""
    with pytest.raises(ConfigError, match="Nothing says where the model 'x' is served"):
        build_catalog(settings({"name": "a", "model": "x"}))


def test_the_scorers_settings_are_handed_on_by_router() -> None:
    """Only what was given, in LiteLLM's names, as plain values."""
    loaded = loaded_from(
        settings(
            {"name": "a", "model": "ollama/x"},
            routing={
                "tier_boundaries": {"simple_medium": 0.1},
                "keyword_tier_rules": [{"keywords": "prove", "tier": "REASONING"}],
                "routers": {"r": {"dimension_weights": {"codePresence": 0.5}}},
            },
        )
    )
    assert loaded.complexity == {
        "auto": {
            "tier_boundaries": {"simple_medium": 0.1, "medium_complex": 0.35, "complex_reasoning": 0.6},
            "keyword_tier_rules": [{"keywords": ["prove"], "tier": "reasoning"}],
        },
        "r": {"dimension_weights": {"codePresence": 0.5}},
    }


def test_nothing_is_scored_while_routing_is_off() -> None:
    """The scorer has no settings then, not even for `auto`."""
    assert loaded_from(settings({"name": "a", "model": "ollama/x"}, routing={"enabled": False})).complexity == {}


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("qwen2.5:3b", 3),
        ("llama-3.1-8b-instruct", 8),
        ("mixtral-8x7b", 56),
        ("gemma3:270m", 0.27),
        ("gemma3n:e4b", 4),
        ("Qwen3-30B-A3B", 30),
        ("phi4:latest", None),
        ("qwen2.5-0.5b", 0.5),
    ],
)
def test_a_name_tells_the_size(model: str, billions: float | None) -> None:
    """Billions of parameters, mixtures multiplied out."""
    assert billions_of_parameters(model) == billions


def test_size_tells_the_tier() -> None:
    """Up to 4 simple, 15 medium, 40 complex, more reasoning."""
    assert [tier_by_size(size) for size in (0.5, 4, 8, 14, 32, 70)] == [
        Tier.SIMPLE,
        Tier.SIMPLE,
        Tier.MEDIUM,
        Tier.MEDIUM,
        Tier.COMPLEX,
        Tier.REASONING,
    ]
    assert guess_tier("phi4:latest", is_local=True) is Tier.MEDIUM
    assert guess_tier("who-knows", is_local=False) is Tier.REASONING


def test_embeddings_models_are_known_by_name() -> None:
    """The usual families, and no chat model."""
    names = [
        "nomic-embed-text",
        "bge-m3",
        "BAAI/bge-large",
        "all-minilm:l6",
        "e5-base",
        "qwen2.5:3b",
        "gte-x",
        "beige-3b",
    ]
    assert [is_embedding_model(name) for name in names] == [True, True, True, True, True, False, True, False]


def test_the_price_table_is_whole() -> None:
    """Every line reads; dates, vendors and `-latest` are looked through; prices make sense."""
    assert as_of() == "2026-04-30"
    for name, known in known_models().items():
        assert known.price.input_usd_per_mtok > 0, name
        assert known.context_tokens is None or known.context_tokens >= 8000, name
    same = look_up("claude-sonnet-4-5")
    assert same is not None
    for name in ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5-latest"):
        assert look_up(name) == same
    assert look_up("gpt-4o-2024-08-06") == look_up("gpt-4o") != look_up("gpt-4o-mini")
    assert look_up("gpt-4o-audio") is None


def test_locality_is_declared_or_ollama_on_loopback() -> None:
    """Unknown is not local; Ollama's cloud models are not local whatever the server says."""

    def local(
        url: str,
        dialect: str = "ollama",
        model: str = "x",
        *,
        model_says: bool | None = None,
        server: bool | None = None,
    ) -> bool:
        return is_local(dialect=dialect, base_url=url, model=model, model_says=model_says, server_says=server)

    assert local("http://localhost:11434")
    assert local("http://127.8.9.1:1")
    assert local("http://[::1]:1")
    assert not local("http://192.168.1.2:1")
    assert not local("http://localhost:1/v1", "openai_chat")
    assert local("http://localhost:1/v1", "openai_chat", server=True)
    assert not local("http://localhost:1", model="x:cloud", server=True)
    assert local("http://localhost:1", model="x:cloud", model_says=True)
    assert not local("http://localhost:1", model_says=False, server=True)
    assert not is_loopback("http://localhost.evil.example")
    assert is_ollama_cloud("gpt-oss:120b-cloud")
    assert [is_nearby(url) for url in ("http://10.0.0.1", "http://nas.local", "http://box", "http://a.example")] == [
        True,
        True,
        True,
        False,
    ]
