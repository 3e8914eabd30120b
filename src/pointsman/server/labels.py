"""What callers say about a request outside its text: headers, and the same names in the body's `metadata`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.core.chat import ChatRequest
from pointsman.core.decision import Caller, PrivacyClass
from pointsman.core.errors import InvalidRequest
from pointsman.dialects.raw import RawBody, parse_body
from pointsman.routing.agents.recognition import (
    AGENT_HEADERS,
    cleaned,
    named_by_headers,
    named_by_metadata,
    named_by_request,
)
from pointsman.server import sessions

if TYPE_CHECKING:
    from pointsman.core.chat import EmbeddingRequest
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.server.http import Scope

METADATA = "metadata"
_PREFIX = b"x-pointsman-"
_MAX_LABEL_CHARS = 256
_META = "meta-"  # of a header, behind our prefix
_MOST_ENTRIES = 64
_NAMES = ("session", "agent", "privacy", "tier", "deadline-ms", "dry-run", "consent")
_AGENTS_OWN = ("agent-name", "langgraph-node", "tags")  # of who asks; read, like labels, from the metadata
_PRIVATE_DATA = "contains_private_data"
_HINTS = AGENT_HEADERS | sessions.SESSION_HEADERS
_SAYING = sessions.SESSION_FIELDS | {_PRIVATE_DATA}  # fields of a body that say something of who asks


def caller_of(scope: Scope, body: JsonObject, key_id: str | None = None, field: str = METADATA) -> tuple[Caller, bool]:
    """The caller and whether this is a dry run; InvalidRequest names a label with a bad value.

    *field* is the one of the body that may hold labels: `metadata`, or what the dialect has in its place.

    A header wins over `metadata`, except that "private" from either side stands: nobody can label it away.
    """
    headers, client, hints = _headers(scope)
    metadata = _metadata(body, field) if field in body else {}
    if not headers and field not in body and not hints and _SAYING.isdisjoint(body):
        return Caller(key_id=key_id, client=client), False
    labels = {**metadata, **headers}
    if hints and "agent" not in labels:
        labels["agent"] = named_by_headers(hints) or ""
    if "session" not in labels:
        labels["session"] = sessions.named_by_headers(hints) or sessions.named_by_body(body) or ""
    privacy, source = _privacy(headers, metadata, body)
    caller = Caller(
        privacy=privacy,
        privacy_source=source,
        tier=_tier(labels.get("tier")),
        session=_text(labels.get("session")),
        agent=cleaned(labels.get("agent")),
        key_id=key_id,
        deadline_ms=_deadline_ms(labels.get("deadline-ms")),
        client=client,
        wants_consent=_consent(labels.get("consent")),
        metadata=_further(headers, body.get(field)),
    )
    return caller, _flag("dry-run", labels.get("dry-run"))


def with_agent(caller: Caller, request: ChatRequest | EmbeddingRequest) -> Caller:
    """*caller* with the agent that the messages of *request* tell of, where no label has."""
    if caller.agent is not None or not isinstance(request, ChatRequest):
        return caller
    agent = named_by_request(request, caller.client)
    return caller if agent is None else replace(caller, agent=agent)


def _headers(scope: Scope) -> tuple[dict[str, str], str | None, dict[str, str]]:
    """Our labels, the user agent's first word, and what may tell of an agent or a session."""
    labels: dict[str, str] = {}
    hints: dict[str, str] = {}
    client: str | None = None
    for name, value in scope["headers"]:
        if name.startswith(_PREFIX):
            _put(labels, name[len(_PREFIX) :].decode("latin-1"), value.decode("latin-1").strip())
        elif name == b"user-agent":
            words = value.decode("latin-1").split(None, 1)
            client = words[0][:_MAX_LABEL_CHARS] if words else None
        elif name in _HINTS:
            hints[name.decode("latin-1")] = value.decode("latin-1").strip()
    return labels, client, hints


def without_labels(raw: RawBody, field: str = METADATA) -> RawBody:
    """*raw* without our labels, for an endpoint that refuses what it does not know; the very same if there are none."""
    body = raw.value
    metadata = body.get(field)
    given = metadata if isinstance(metadata, Mapping) else {}
    ours = (*_NAMES, *_AGENTS_OWN, _PRIVATE_DATA.replace("_", "-"))
    kept = {key: value for key, value in given.items() if _name(key) not in ours}
    if len(kept) == len(given) and _PRIVATE_DATA not in body:
        return raw
    rest = {key: value for key, value in body.items() if key not in (field, _PRIVATE_DATA)}
    changed: JsonObject = {**rest, field: kept} if kept else rest
    return parse_body(json.dumps(changed, ensure_ascii=False).encode())


def _name(key: str) -> str:
    """The label that *key* means: its header's name or the bare word, with - or _."""
    name = key.lower().replace("_", "-").removeprefix("x-pointsman-")
    return "session" if name == "session-id" else name


def _metadata(body: JsonObject, field: str) -> dict[str, str]:
    """The labels in *field*."""
    metadata = body.get(field)
    if not isinstance(metadata, Mapping):
        return {}
    labels: dict[str, str] = {}
    for key, value in metadata.items():
        name = _name(key)
        if name in _NAMES and value is not None:
            _put(labels, name, str(value).lower() if isinstance(value, bool) else str(value))
    if "agent" not in labels and (agent := named_by_metadata(metadata)) is not None:
        labels["agent"] = agent
    if "session" not in labels and (session := sessions.named_by_metadata(metadata)) is not None:
        labels["session"] = session
    if _says_private(metadata):
        labels["privacy"] = PrivacyClass.PRIVATE.value
    return labels


def _further(headers: Mapping[str, str], metadata: Json) -> tuple[tuple[str, str], ...]:
    """What rules may ask for: headers `x-pointsman-meta-NAME`, then the entries of *metadata*, bounded."""
    found = [(name[len(_META) :], value) for name, value in headers.items() if name.startswith(_META)]
    for name, value in metadata.items() if isinstance(metadata, Mapping) else ():
        if _name(name) in _NAMES or name == _PRIVATE_DATA:
            continue
        said = value if isinstance(value, list) else (value,)
        found += [(name.lower(), _plain(one)) for one in said if isinstance(one, (str, int, float))]
    return tuple((name[:_MAX_LABEL_CHARS], value[:_MAX_LABEL_CHARS]) for name, value in found[:_MOST_ENTRIES])


def _plain(value: float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _put(labels: dict[str, str], name: str, value: str) -> None:
    """The last of several values counts, but none takes the place of "private"."""
    if name != "privacy" or labels.get(name, "").lower() != PrivacyClass.PRIVATE.value:
        labels[name] = value


def _says_private(fields: Mapping[str, Json]) -> bool:
    value = fields.get(_PRIVATE_DATA)
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _privacy(
    headers: Mapping[str, str], metadata: Mapping[str, str], body: JsonObject
) -> tuple[PrivacyClass | None, str | None]:
    found: list[tuple[PrivacyClass, str]] = []
    if _says_private(body):
        found.append((PrivacyClass.PRIVATE, _PRIVATE_DATA))
    for labels, source in ((headers, "header"), (metadata, "metadata")):
        value = labels.get("privacy")
        if value is None:
            continue
        try:
            found.append((PrivacyClass(value.lower()), source))
        except ValueError:
            message = f"The privacy label {value[:40]!r} is neither 'private' nor 'public'."
            raise InvalidRequest(message, param="x-pointsman-privacy") from None
    if not found:
        return None, None
    return next((one for one in found if one[0] is PrivacyClass.PRIVATE), found[0])


def _tier(value: str | None) -> Tier | None:
    if value is None:
        return None
    tier = Tier.parse(value)
    if tier is None:
        message = f"The tier {value[:40]!r} does not exist; there are {', '.join(Tier)}."
        raise InvalidRequest(message, param="x-pointsman-tier")
    return tier


def _deadline_ms(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        deadline_ms = float(value)
    except ValueError:
        deadline_ms = -1.0
    if not 0 < deadline_ms < float("inf"):
        message = f"The deadline {value[:40]!r} is not a positive number of milliseconds."
        raise InvalidRequest(message, param="x-pointsman-deadline-ms")
    return deadline_ms


def _consent(value: str | None) -> bool:
    if value is None:
        return False
    if value.lower() not in ("ask", "policy"):
        message = f"The consent label {value[:40]!r} is neither 'ask' nor 'policy'."
        raise InvalidRequest(message, param="x-pointsman-consent")
    return value.lower() == "ask"


def _flag(name: str, value: str | None) -> bool:
    match (value or "false").lower():
        case "true" | "1" | "yes":
            return True
        case "false" | "0" | "no":
            return False
        case _:
            message = f"{name} must be true or false, not {value!r}."
            raise InvalidRequest(message, param=f"x-pointsman-{name}")


def _text(value: str | None) -> str | None:
    return value[:_MAX_LABEL_CHARS] if value else None
