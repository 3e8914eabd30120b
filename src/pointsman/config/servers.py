"""Which endpoint serves a model: by its entry of `endpoints`, its address, or the provider before its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from pointsman.config import quirks
from pointsman.config.field_types import SecretText
from pointsman.config.locality import is_local, is_ollama_cloud
from pointsman.config.providers import ALL, AZURE, OPENAI, PROVIDERS, Provider
from pointsman.config.schema import ConcurrencySettings, EndpointSettings, ModelSettings, Settings
from pointsman.core.catalog import Auth, Endpoint, Quirks
from pointsman.core.errors import ConfigError

FIRST_BYTE_S: Final = 60.0
LOCAL_FIRST_BYTE_S: Final = 300.0  # the model may have to be loaded
WHOLE_S: Final = 600.0
QUEUE_S: Final = 10.0
LOCAL_QUEUE_S: Final = 60.0  # there may be nobody else, and waiting costs nothing
MODEL: Final = "{model}"  # in an address: the model's name at the server
_AUTH_OF_DIALECT: Final = MappingProxyType({"anthropic_messages": Auth.X_API_KEY, "gemini": Auth.X_GOOG_API_KEY})
_RESPONSES: Final = "responses/"
_OPENAI_BELOW: Final = "/openai"
_VERSION: Final = "api-version"
_NEW_AZURE: Final = frozenset(("v1", "latest", "preview"))
_KNOWS_NEW_LIMIT: Final = "2025"  # for models of every kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """The server of a model that names no entry of `endpoints`."""

    provider: Provider | None  # as the prefix says
    upstream_model: str
    base_url: str
    query: str


class Servers:
    """The endpoints of one catalog: equal servers are one endpoint, different ones never share a name."""

    def __init__(self, settings: Settings, endpoints_for_gguf: Mapping[str, str]) -> None:
        """*endpoints_for_gguf* says at which base URL each GGUF card's id is served."""
        self.settings = settings
        self._gguf = endpoints_for_gguf
        self._by_content: dict[Endpoint, Endpoint] = {}
        self._names: set[str] = set()

    def of(self, model: ModelSettings, id_: str) -> tuple[Endpoint, str, Quirks | None]:
        """The endpoint that serves *model*, what it is called there, and what is odd about the server."""
        if model.gguf is not None:
            url = self._gguf.get(id_, f"embedded:{id_}")
            concurrency = model.concurrency or ConcurrencySettings()
            endpoint = Endpoint(
                name=f"embedded-{id_}",
                dialect="openai_chat",
                base_url=url,
                is_local=True,
                first_byte_timeout_s=LOCAL_FIRST_BYTE_S,
                whole_timeout_s=WHOLE_S,
                slots=concurrency.slots or model.gguf.parallel,
                queue=concurrency.queue,
                queue_timeout_s=_queue_s(concurrency, is_local=True),
            )
            upstream = model.model or model.name
            return endpoint, upstream, quirks_of(PROVIDERS["llama_cpp"], endpoint, upstream)
        if model.endpoint is not None:
            return self._named(model, model.endpoint)
        return self._inline(model)

    def _named(self, model: ModelSettings, name: str) -> tuple[Endpoint, str, Quirks | None]:
        server = self.settings.endpoints[name]
        upstream = model.model or model.name
        dialect = model.dialect or server.dialect
        base_url = server.base_url.replace(MODEL, quote(upstream, safe=""))
        known = PROVIDERS[server.provider] if server.provider else provider_at(base_url)
        endpoint = Endpoint(
            name=name,
            dialect=dialect,
            base_url=base_url,
            is_local=is_local(
                dialect=dialect,
                base_url=base_url,
                model=upstream,
                model_says=model.local,
                server_says=server.local,
            ),
            api_key=model.api_key or server.api_key,
            auth=model.auth or server.auth or _auth(known, dialect),
            query=model.query or server.query,
            headers=_headers({**server.headers, **model.headers}),
            connect_timeout_s=server.connect_timeout_s,
            idle_timeout_s=server.idle_timeout_s,
        )
        return self._shared(endpoint, model, upstream, server), upstream, quirks_of(known, endpoint, upstream)

    def _inline(self, model: ModelSettings) -> tuple[Endpoint, str, Quirks | None]:
        server = inline_server(model)
        provider, upstream, base_url = server.provider, server.upstream_model, server.base_url
        dialect = model.dialect or (provider.dialect if provider else "openai_chat")
        known = _server_kind(provider, base_url)
        endpoint = Endpoint(
            name=provider.name if provider else urlsplit(base_url).netloc,
            dialect=dialect,
            base_url=base_url,
            is_local=is_local(
                dialect=dialect, base_url=base_url, model=upstream, model_says=model.local, server_says=None
            ),
            api_key=model.api_key,
            auth=model.auth or _auth(known, dialect),
            query=server.query,
            headers=_headers(model.headers),
        )
        return self._shared(endpoint, model, upstream), upstream, quirks_of(known, endpoint, upstream)

    def _shared(
        self, endpoint: Endpoint, model: ModelSettings, upstream: str, server: EndpointSettings | None = None
    ) -> Endpoint:
        """*endpoint* with the model's own limits, or else its server's, under a name nobody else has."""
        first_byte_s = model.first_byte_timeout_s or (server.first_byte_timeout_s if server else None)
        whole_s = model.whole_timeout_s or (server.whole_timeout_s if server else None)
        concurrency = model.concurrency or (server.concurrency if server else ConcurrencySettings())
        endpoint = replace(
            endpoint,
            connect_timeout_s=model.connect_timeout_s or endpoint.connect_timeout_s,
            first_byte_timeout_s=first_byte_s or (LOCAL_FIRST_BYTE_S if endpoint.is_local else FIRST_BYTE_S),
            whole_timeout_s=whole_s or first_byte_s or WHOLE_S,
            idle_timeout_s=model.idle_timeout_s or endpoint.idle_timeout_s,
            slots=concurrency.slots,
            queue=concurrency.queue,
            queue_timeout_s=_queue_s(concurrency, is_local=endpoint.is_local),
        )
        if endpoint not in self._by_content:
            name, number = endpoint.name, 1
            if endpoint.dialect == "ollama" and not endpoint.is_local and is_ollama_cloud(upstream):
                name = f"{name}-cloud"
            base = name
            while name in self._names:
                number += 1
                name = f"{base}#{number}"
            self._names.add(name)
            self._by_content[endpoint] = replace(endpoint, name=name)
        return self._by_content[endpoint]


def _queue_s(concurrency: ConcurrencySettings, *, is_local: bool) -> float:
    return concurrency.queue_timeout_s or (LOCAL_QUEUE_S if is_local else QUEUE_S)


def inline_server(model: ModelSettings) -> Inline:
    """The server of a model that names no entry of `endpoints`; ConfigError when nothing says its address.

    With a `dialect` of its own the model's name is taken as it is, prefix and all.
    """
    asked = model.model or model.name
    provider, upstream = (None, asked) if model.dialect and model.base_url else split_provider(asked)
    base_url = model.base_url or (provider.base_url if provider else None)
    if base_url is None:
        variable = provider.address_variables[0] if provider and provider.address_variables else None
        hint = "Put its provider before it (such as ollama_chat/), or give `endpoint`, `base_url` or `gguf`."
        raise ConfigError(
            f"Nothing says where the model {asked!r} is served.",
            hint=f"Give `base_url`, or set {variable}." if variable else hint,
        )
    base_url, query = base_url.replace(MODEL, quote(upstream, safe="")), model.query
    if provider is not None and provider.name == AZURE.name:
        base_url, query = azure_address(base_url, query, upstream, provider.dialect)
    elif provider is not None:
        base_url, provider = _own_api(base_url, provider)
    return Inline(provider=provider, upstream_model=upstream, base_url=base_url, query=query)


def _own_api(base_url: str, provider: Provider) -> tuple[str, Provider]:
    """*base_url* as *provider*'s own API has it, for people give it with and without the version.

    Below Gemini's `/openai` it speaks OpenAI's.
    """
    match provider.dialect:
        case "ollama":
            return base_url.removesuffix("/v1"), provider
        case "anthropic_messages" | "gemini" if not urlsplit(base_url).path.strip("/"):
            return f"{base_url}{urlsplit(provider.base_url or '').path}", provider
        case "gemini" if base_url.endswith(_OPENAI_BELOW):
            return base_url, replace(provider, dialect="openai_chat", auth=Auth.BEARER)
        case _:
            return base_url, provider


def azure_address(base_url: str, query: str, deployment: str, dialect: str) -> tuple[str, str]:
    """Base URL and query of a *deployment* of the Azure resource *base_url*; an address with a path is meant as it is.

    With an `api-version` that is a date: https://r.openai.azure.com/openai/deployments/DEPLOYMENT, else …/openai/v1.
    """
    if urlsplit(base_url).path.rstrip("/") not in {"", "/openai"}:
        return base_url, query
    root = f"{base_url.rstrip('/').removesuffix('/openai')}/openai"
    version = dict(parse_qsl(query)).get(_VERSION, "v1")
    if version in _NEW_AZURE:
        return f"{root}/v1", query if version == "preview" else ""
    return (root if dialect == "openai_responses" else f"{root}/deployments/{quote(deployment, safe='')}"), query


def split_provider(model: str) -> tuple[Provider | None, str]:
    """The provider *model* begins with and the rest; (None, *model*) when it begins with none we know.

    `openai/responses/gpt-5` is OpenAI by its Responses API.
    """
    prefix, slash, rest = model.partition("/")
    provider = PROVIDERS.get(prefix.lower()) if slash and rest else None
    if provider is None:
        return None, model
    if provider in (OPENAI, AZURE) and rest.startswith(_RESPONSES) and rest != _RESPONSES:
        return replace(provider, dialect="openai_responses"), rest.removeprefix(_RESPONSES)
    return provider, rest


def provider_at(base_url: str) -> Provider | None:
    """The provider whose own address *base_url* is."""
    netloc, host = _netloc(base_url), urlsplit(base_url).hostname or ""
    for provider in ALL:
        is_its_own = provider.base_url is not None and _netloc(provider.base_url) == netloc
        if is_its_own or (provider.hosts and host.endswith(provider.hosts)):
            return provider
    return None


def quirks_of(provider: Provider | None, endpoint: Endpoint, model: str) -> Quirks | None:
    """What is odd about *provider* and *model* at *endpoint*, in the dialects that servers depart from.

    Of a server nobody knows it is assumed that it has not heard of the role `developer`. The Responses API is met at
    OpenAI and Azure only, where just the models are particular.
    """
    name = provider.name if provider else None
    of_model = quirks.of_model(model, name)
    match endpoint.dialect:
        case "openai_chat":
            found = quirks.both(_of_server(provider, endpoint), of_model)
        case "openai_responses":
            found = Quirks(refuses_thinking=of_model.refuses_thinking)
        case _:
            return None
    return None if found == Quirks() else found


def _of_server(provider: Provider | None, endpoint: Endpoint) -> Quirks:
    if provider is None:
        return quirks.BY_TEMPLATE
    version = dict(parse_qsl(endpoint.query)).get(_VERSION, "")
    if provider.name == AZURE.name and version[:1].isdigit() and version < _KNOWS_NEW_LIMIT:
        return quirks.OLD_AZURE
    return provider.quirks or Quirks()


def _server_kind(provider: Provider | None, base_url: str) -> Provider | None:
    """Whose server it is, by address before prefix: `openai/` before another address says its shape and no more."""
    return provider_at(base_url) or (None if provider is None or provider.name == OPENAI.name else provider)


def _auth(provider: Provider | None, dialect: str) -> Auth:
    return (provider.auth if provider else None) or _AUTH_OF_DIALECT.get(dialect, Auth.BEARER)


def _netloc(base_url: str) -> str:
    return urlsplit(base_url).netloc.lower().replace("127.0.0.1", "localhost")


def _headers(headers: Mapping[str, SecretText]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value.reveal()) for name, value in headers.items())
