"""Where the local judge is, and whether text may go there: a file of a project cannot send it off the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pointsman.config import files
from pointsman.config.locality import is_loopback, is_ollama_cloud
from pointsman.config.schema import ClassifierSettings, Settings
from pointsman.config.tree import Node, Source, nearest
from pointsman.core.catalog import FREE, Catalog, Endpoint, ModelCard
from pointsman.core.errors import ConfigError

DEFAULT_HOST: Final = "http://localhost:9379"
CONSENT: Final = "POINTSMAN_CLASSIFIER__ALLOWED_HOSTS"
NAME: Final = "local-judge"
UNSERVED: Final = "embedded:"  # how the address of a GGUF model begins before it is served
_BELOW: Final = {"gemini": "/v1beta", "openai_chat": "/v1", "ollama": ""}
_SECTION: Final = "classifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was configured, the file it was read from if any, and the files that are the user's own."""

    settings: Settings
    catalog: Catalog
    tree: Node
    source: Path | None
    own: tuple[Path, ...]
    environ: Mapping[str, str]


def judge_card(settings: ClassifierSettings, catalog: Catalog) -> ModelCard | None:
    """The model that judges: one of *catalog*, or one at a server of its own; None when none does."""
    if not settings.enabled:
        return None
    known = _configured(settings, catalog)
    if known is not None:
        return known
    host = settings.host or DEFAULT_HOST
    base_url = host if urlsplit(host).path else f"{host}{_BELOW[settings.dialect]}"
    seconds = settings.deadline_ms / 1e3
    endpoint = Endpoint(
        name=NAME,
        dialect=settings.dialect,
        base_url=base_url,
        is_local=True,  # `check` has refused it otherwise
        connect_timeout_s=seconds,
        first_byte_timeout_s=seconds,
        idle_timeout_s=seconds,
    )
    return ModelCard(id=NAME, name=settings.model, upstream_model=settings.model, endpoint=endpoint, price=FREE)


def check(given: Given) -> None:
    """ConfigError when the judge that *given* turns on is not local, or a project's file alone says that it is."""
    settings = given.settings.classifier
    if not settings.enabled:
        return
    known = _configured(settings, given.catalog)
    if known is not None:
        if not known.is_local:
            text = f"{settings.model!r} is not local, and every prompt would be sent to it to be judged"
            raise _refusal(given, "model", text, "Name a local model.")
        _check_host(given, "model", _origin(known.endpoint.base_url), is_own=given.source in (None, *given.own))
        return
    if settings.dialect == "ollama" and is_ollama_cloud(settings.model):
        text = f"{settings.model!r} runs in Ollama's cloud, and every prompt would be sent there to be judged"
        raise _refusal(given, "model", text, "Name a local model.")
    host = settings.host or DEFAULT_HOST
    if settings.local is False:
        raise _refusal(given, "local", f"{host} is not local, and every prompt would be sent there to be judged")
    if settings.local is None and not is_loopback(host) and _origin(host) not in _consented(given):
        text = f"{host} is not on this machine, and every prompt would be sent there to be judged"
        raise _refusal(given, "host", text, f"If it is a machine of yours, set {CONSENT}={_origin(host)}.")
    _check_host(given, "host", _origin(host), is_own=_is_own(given, "host") and _is_own(given, "local"))


def _check_host(given: Given, key: str, host: str, *, is_own: bool) -> None:
    """ConfigError when *host* is another machine and only a project's file says that text may go there."""
    if is_own or host.startswith(UNSERVED) or is_loopback(host) or host in _consented(given):
        return
    own = given.own[0] if given.own else "your own configuration"
    raise _refusal(
        given,
        key,
        f"a project's file has every prompt sent to {host} to be judged",
        f"If you want that, set {CONSENT}={host}, or name it in `classifier.allowed_hosts` of {own}.",
    )


def _origin(address: str) -> str:
    """*address* without its path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else address


def _configured(settings: ClassifierSettings, catalog: Catalog) -> ModelCard | None:
    pool = catalog.pools.get(catalog.resolve(settings.model), ()) if settings.host is None else ()
    return pool[0] if pool else None


def _consented(given: Given) -> frozenset[str]:
    """The hosts that the user has allowed, in a variable, a flag or a file of their own."""
    own = [given.settings.classifier.allowed_hosts] if _is_own(given, "allowed_hosts") else []
    for path in given.own:
        if path != given.source and path.is_file():
            section = files.read(path, given.environ, shown=str(path)).tree.entries.get(_SECTION)
            node = section.entries.get("allowed_hosts") if section is not None else None
            if node is not None:
                own.append([item.text or "" for item in node.items] or [node.text or ""])
    return frozenset(_origin(host) for hosts in own for host in hosts)


def _is_own(given: Given, key: str) -> bool:
    """Whether the user said the value of *key*, in a variable, a flag or a file of their own."""
    _, node = nearest(given.tree, (_SECTION, key))
    return node.origin.source is not Source.FILE or given.source in given.own


def _refusal(given: Given, key: str, text: str, hint: str | None = None) -> ConfigError:
    _, node = nearest(given.tree, (_SECTION, key))
    place = f"{node.origin.where}: " if node.origin.where else ""
    return ConfigError(f"{place}classifier.{key}: {text}.", hint=hint, param=f"{_SECTION}.{key}")
