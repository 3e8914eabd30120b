"""From what a person typed to a request and its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.bootstrap import environ
from pointsman.cli.names import require_known
from pointsman.config.load import requested_model
from pointsman.core.catalog import Tier
from pointsman.core.chat import Message, Role, Text
from pointsman.core.decision import Caller, PrivacyClass

if TYPE_CHECKING:
    from pointsman.config.load import Loaded

CLIENT = "pointsman-cli"


def asked_model(flag: str | None, loaded: Loaded) -> tuple[str, str]:
    """The model that was asked for and where: flag, environment, file or default. A usage error when it is unknown."""
    name, said_by = requested_model(flag, environ(), loaded)
    require_known(name, loaded.catalog, said_by=said_by)
    return name, said_by


def caller_of(*, private: bool, tier: str | None = None, session: str | None = None) -> Caller:
    """Who asks, as the flags say."""
    return Caller(
        privacy=PrivacyClass.PRIVATE if private else None,
        privacy_source="flag" if private else None,
        tier=Tier.parse(tier) if tier else None,
        session=session,
        client=CLIENT,
    )


def said(role: Role, text: str) -> Message:
    """A message of plain text."""
    return Message(role=role, parts=(Text(text=text),))
