"""The small types settings are made of: names, lists of names, addresses, keys."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema

from pointsman.config.providers import PROVIDERS
from pointsman.core.catalog import Secret, Tier

_QUERY = re.compile(r"(?:[!$-;=@-~]+=[!$-~]*)?")


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change, input never shows in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("should be text; put it in quotes")
    if not value.strip() or not value.isprintable():
        raise ValueError("should be a key in one line, without control characters")
    return Secret(value.strip())


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _tier(value: object) -> Tier:
    tier = Tier.parse(value) if isinstance(value, str) else None
    if tier is None:
        raise ValueError("should be simple, medium, complex or reasoning (or small, large, frontier)")
    return tier


def _address(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("should be an address such as http://localhost:11434")
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("should be an address such as http://localhost:11434") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid or not value.isprintable():
        raise ValueError("should be an address that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("should hold no user or password; use `api_key` or `headers`")
    if parts.query or parts.fragment or " " in value:
        raise ValueError("should end with its path, without `?`, `#` or spaces")
    return value.rstrip("/")


def _provider(value: object) -> str:
    if not isinstance(value, str) or value not in PROVIDERS:
        close = ", ".join(sorted({provider.name for provider in PROVIDERS.values()}))
        raise ValueError(f"should be one of {close}")
    return value


def _query(value: object) -> str:
    if not isinstance(value, str) or not _QUERY.fullmatch(value.removeprefix("?")):
        raise ValueError("should be NAME=VALUE, joined by &, without spaces or #")
    return value.removeprefix("?")


_TIER_SCHEMA = {"type": "string", "enum": [*Tier, "small", "large", "frontier"]}
_NAMES_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Names = Annotated[list[Name], BeforeValidator(_names), WithJsonSchema(_NAMES_SCHEMA, mode="validation")]
SecretText = Annotated[Secret, PlainValidator(_secret), WithJsonSchema({"type": "string"})]
TierName = Annotated[Tier, BeforeValidator(_tier), WithJsonSchema(_TIER_SCHEMA)]
Address = Annotated[str, PlainValidator(_address), WithJsonSchema({"type": "string", "format": "uri"})]
ProviderName = Annotated[str, PlainValidator(_provider), WithJsonSchema({"type": "string", "enum": sorted(PROVIDERS)})]
Query = Annotated[str, PlainValidator(_query), WithJsonSchema({"type": "string"})]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Tokens = Annotated[int, Field(gt=0)]
JsonField = Annotated[Any, WithJsonSchema({})]  # pydantic cannot take a recursive alias
