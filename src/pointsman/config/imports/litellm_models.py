"""The `model_list` of a LiteLLM file: one deployment to one of our model entries."""

from __future__ import annotations

from typing import Final

from pointsman.config.imports.notes import Notes
from pointsman.config.ollama_options import BESIDE_OPTIONS, OPTIONS, UNHEARD
from pointsman.config.servers import split_provider
from pointsman.config.tree import Node, Path, mapping

ENTRY_KEYS = frozenset({"model_name", "litellm_params", "model_info"})
RENAMED: Final = {
    "api_base": "base_url",
    "base_url": "base_url",
    "api_key": "api_key",
    "weight": "weight",
    "order": "order",
}
TIMEOUTS = frozenset({"timeout", "stream_timeout"})
COSTS: Final = {
    "input_cost_per_token": "input_usd_per_mtok",
    "output_cost_per_token": "output_usd_per_mtok",
    "cache_read_input_token_cost": "cached_input_usd_per_mtok",
    "cache_creation_input_token_cost": "cache_write_usd_per_mtok",
}
DEFAULTS = OPTIONS | BESIDE_OPTIONS | UNHEARD | {
    "logprobs", "max_completion_tokens", "max_tokens", "tools", "top_logprobs",
}  # fmt: skip
ALWAYS_SO = frozenset({"drop_params"})  # Pointsman always leaves out what a dialect cannot say, and lists it
OTHER_PARAMS = frozenset({"model", "extra_headers", "extra_body", "organization", "custom_llm_provider", "api_version"})
LACKS: Final = {
    "supports_vision": "images",
    "supports_function_calling": "tools",
    "supports_response_schema": "json_schema",
}
INFO_KEYS = frozenset(
    {"mode", "max_tokens", "max_input_tokens", "max_output_tokens", "pointsman_local", *LACKS, *COSTS}
)
_SAME_AS_OPENAI = frozenset({"custom_openai", "openai_like", "litellm_proxy", "text-completion-openai"})
_BARE_NAMES = (
    ("openai", ("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-")),
    ("anthropic", ("claude-",)),
    ("gemini", ("gemini-",)),
)


def model_entry(
    name: Node, params: Node, info: Node | None, path: Path, stream_timeout: Node | None, notes: Notes
) -> Node | None:
    """Our entry for one deployment; None (and a warning) when its provider is not one we can call.

    *stream_timeout* is the whole file's.
    """
    at = (*path, "litellm_params")
    asked = notes.name(params.entries.get("model"), (*at, "model"), params)
    model = _with_provider(asked, params)
    if model is None or "*" in model or "*" in (name.text or ""):
        why = "wildcards are" if "*" in asked + (name.text or "") else f"the provider of {asked!r} is"
        notes.warn((*at, "model"), params.entries["model"], f"{why} not supported; the model is left out")
        return None
    entry: dict[str, Node] = {"name": name, "model": Node(model, params.entries["model"].origin)}
    for key, ours in RENAMED.items():
        if key in params.entries:
            entry[ours] = params.entries[key]
    entry |= _timeouts(params, stream_timeout)
    version = params.entries.get("api_version")
    if version is not None and version.value is not None:
        entry["query"] = Node(f"api-version={version.value}", version.origin)
    headers = _headers(params, at, notes)
    if headers.entries:
        entry["headers"] = headers
    defaults = _defaults(params, at, notes)
    if defaults.entries:
        entry["defaults"] = defaults
    entry |= _price(params, info, path, notes)
    entry |= _from_info(info, path, notes)
    used = {*RENAMED, *TIMEOUTS, *COSTS, *DEFAULTS, *ALWAYS_SO, *OTHER_PARAMS}
    notes.unused(params, at, used)
    return mapping(entry, params.origin)


def _timeouts(params: Node, stream_timeout: Node | None) -> dict[str, Node]:
    """`timeout` is for whole answers, and for streams where there is no `stream_timeout`."""
    whole, stream = params.entries.get("timeout"), params.entries.get("stream_timeout") or stream_timeout
    first_byte = stream or whole
    found = {"whole_timeout_s": whole, "first_byte_timeout_s": first_byte, "idle_timeout_s": stream}
    return {key: node for key, node in found.items() if node is not None}


def _with_provider(asked: str, params: Node) -> str | None:
    """*asked* with a provider of ours before it."""
    own = params.entries.get("custom_llm_provider")
    if own is not None and own.text and not asked.startswith(f"{own.text}/"):
        asked = f"{own.text}/{asked}"
    prefix, slash, rest = asked.partition("/")
    if slash and prefix in _SAME_AS_OPENAI:
        return f"openai/{rest}"
    if split_provider(asked)[0] is not None:
        return asked
    if slash:
        return None
    for provider, beginnings in _BARE_NAMES:
        if asked.startswith(beginnings):
            return f"{provider}/{asked}"
    has_address = any(key in params.entries for key in ("api_base", "base_url"))
    return f"openai/{asked}" if has_address else None


def _headers(params: Node, path: Path, notes: Notes) -> Node:
    extra = notes.section(params.entries.get("extra_headers"), (*path, "extra_headers"))
    headers = dict(extra.entries) if extra else {}
    if "organization" in params.entries:
        headers["OpenAI-Organization"] = params.entries["organization"]
    return mapping(headers, params.origin)


def _defaults(params: Node, path: Path, notes: Notes) -> Node:
    body = notes.section(params.entries.get("extra_body"), (*path, "extra_body"))
    defaults = {key: child for key, child in params.entries.items() if key in DEFAULTS}
    return mapping(defaults | (dict(body.entries) if body else {}), params.origin)


def _price(params: Node, info: Node | None, path: Path, notes: Notes) -> dict[str, Node]:
    """Dollars per token, of the parameters or else of `model_info`, as dollars per million."""
    price: dict[str, Node] = {}
    for theirs, ours in COSTS.items():
        for section, name in ((params, "litellm_params"), (info, "model_info")):
            node = section.entries.get(theirs) if section else None
            if node is not None and node.value is not None and ours not in price:
                usd = notes.number(node, (*path, name, theirs))
                price[ours] = Node(round(usd * 1_000_000, 9), node.origin)
    if not price:
        return {}
    origin = next(iter(price.values())).origin
    zero = {ours: Node(0.0, origin) for ours in ("input_usd_per_mtok", "output_usd_per_mtok")}
    return {"price": mapping(zero | price, origin)}


def _from_info(info: Node | None, path: Path, notes: Notes) -> dict[str, Node]:
    if info is None:
        return {}
    at = (*path, "model_info")
    entry: dict[str, Node] = {}
    window = info.entries.get("max_input_tokens") or info.entries.get("max_tokens")
    if window is not None:
        entry["context_tokens"] = window
    for theirs, ours in (("max_output_tokens", "max_output_tokens"), ("pointsman_local", "local")):
        if theirs in info.entries:
            entry[ours] = info.entries[theirs]
    mode = info.entries.get("mode")
    if mode is not None and mode.text == "embedding":
        entry["capabilities"] = Node((Node("embeddings", mode.origin),), mode.origin)
    elif mode is not None and mode.text not in {"chat", "completion", "responses"}:
        notes.warn((*at, "mode"), mode, f"the mode {mode.text!r} is not supported; the model is taken for a chat model")
    lacks = [
        Node(ours, info.entries[theirs].origin)
        for theirs, ours in LACKS.items()
        if theirs in info.entries and info.entries[theirs].value is False
    ]
    if lacks and "capabilities" not in entry:
        entry["lacks"] = Node(tuple(lacks), info.origin)
    notes.unused(info, at, INFO_KEYS)
    return entry
