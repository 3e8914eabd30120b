"""`GET /v1/models` in three APIs' words: OpenAI's with our facts beside, Anthropic's and Gemini's page by page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from pointsman.core.catalog import AUTO, CLAUDE_AUTO, Capability
from pointsman.core.errors import InvalidRequest, UnknownModel
from pointsman.dialects.anthropic_messages.reply import encode_model
from pointsman.server.family import ANTHROPIC, GEMINI
from pointsman.server.listing import listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.server.http import Scope

ANTHROPIC_PAGE = 20  # as that API has it where the caller names no limit
GEMINI_PAGE = 50
_MAX_PAGE = 1000
_NUMBER = re.compile("[0-9]{1,9}")
_PREFIX = "models/"  # of Gemini's names


def all_models(catalog: Catalog, family: str, scope: Scope) -> JsonObject:
    """Every name a caller of *family* may send, or the page of them that was asked for."""
    query = {name: values[0] for name, values in parse_qs(scope.get("query_string", b"").decode("latin-1")).items()}
    match family:
        case "anthropic_messages":
            return _anthropic_page([_anthropic(name) for name in _anthropic_names(catalog)], query)
        case "gemini":
            return _gemini_page([_gemini(entry, catalog) for entry in listing(catalog)], query)
        case _:
            return {"object": "list", "data": list(listing(catalog))}


def one_model(catalog: Catalog, family: str, name: str) -> JsonObject:
    """The entry of *name*; UnknownModel when there is none."""
    if family == ANTHROPIC and name == CLAUDE_AUTO:
        return _anthropic(name)
    name = name.removeprefix(_PREFIX) if family == GEMINI else name
    found = next((entry for entry in listing(catalog) if entry["id"] == name), None)
    if found is None:
        message = f"The model {name[:200]!r} does not exist."
        raise UnknownModel(message, hint="See /v1/models for the names there are.", param="model")
    match family:
        case "anthropic_messages":
            return _anthropic(name)
        case "gemini":
            return _gemini(found, catalog)
        case _:
            return found


def _anthropic_names(catalog: Catalog) -> list[str]:
    """Claude Code keeps only names that hold "claude" or "anthropic": one of them means `auto`."""
    names = [str(entry["id"]) for entry in listing(catalog)]
    return names if CLAUDE_AUTO in names or not names else [CLAUDE_AUTO, *names]


def _anthropic(name: str) -> JsonObject:
    shown = "Auto (Pointsman chooses)" if name in (AUTO, CLAUDE_AUTO) else name
    return encode_model(name, shown)


def _anthropic_page(entries: Sequence[JsonObject], query: Mapping[str, str]) -> JsonObject:
    """The *entries* after `after_id` or before `before_id`, at most `limit`."""
    limit = _page_size(query, "limit", ANTHROPIC_PAGE)
    names = [entry["id"] for entry in entries]
    after, before = query.get("after_id"), query.get("before_id")
    end = names.index(before) if before in names else len(names)
    if before is not None:
        begin = max(0, end - limit)
        page, has_more = entries[begin:end], begin > 0
    else:
        begin = names.index(after) + 1 if after in names else 0
        page, has_more = entries[begin : begin + limit], begin + limit < len(names)
    data: list[Json] = list(page)
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return {"data": data, "has_more": has_more, "first_id": first, "last_id": last}


def _gemini(entry: JsonObject, catalog: Catalog) -> JsonObject:
    name = str(entry["id"])
    cards = catalog.pools.get(catalog.resolve(name), ())
    found: JsonObject = {
        "name": f"{_PREFIX}{name}",
        "baseModelId": name,
        "version": "001",
        "displayName": name,
        "supportedGenerationMethods": _methods(cards),
    }
    for field, sizes in (
        ("inputTokenLimit", [card.context_tokens for card in cards]),
        ("outputTokenLimit", [card.max_output_tokens for card in cards]),
    ):
        known = [size for size in sizes if size is not None]
        if known:
            found[field] = min(known)
    return found


def _methods(cards: Sequence[ModelCard]) -> list[Json]:
    lacks = frozenset.intersection(*(card.lacks for card in cards)) if cards else frozenset()
    chat: list[Json] = ["generateContent", "streamGenerateContent", "countTokens"]
    embed: list[Json] = ["embedContent", "batchEmbedContents"]
    return [
        *(chat if Capability.CHAT not in lacks else []),
        *(embed if Capability.EMBEDDINGS not in lacks else []),
    ]


def _gemini_page(entries: Sequence[JsonObject], query: Mapping[str, str]) -> JsonObject:
    """The *entries* from `pageToken` on, at most `pageSize`."""
    size = _page_size(query, "pageSize", GEMINI_PAGE)
    token = query.get("pageToken", "0")
    if not _NUMBER.fullmatch(token):
        raise InvalidRequest(f"The pageToken {token[:40]!r} is not one of ours.", param="pageToken")
    begin = int(token)
    models: list[Json] = list(entries[begin : begin + size])
    more: JsonObject = {"nextPageToken": str(begin + size)} if begin + size < len(entries) else {}
    return {"models": models, **more}


def _page_size(query: Mapping[str, str], name: str, standard: int) -> int:
    asked = query.get(name)
    if asked is None:
        return standard
    if not _NUMBER.fullmatch(asked) or int(asked) < 1:
        message = f"{name} must be a number from 1 to {_MAX_PAGE}, not {asked[:40]!r}."
        raise InvalidRequest(message, param=name)
    return min(int(asked), _MAX_PAGE)
