"""Which class a request has, from the configured mode and what the caller said; and the constraint that follows.

mode            nothing said    said private    said public
default-cloud   public          private         public
default-local   private         private         public
local-only      private         private         private
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.core.decision import Privacy, PrivacyClass, RoutingContext, Struck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Caller


class PrivacyMode(StrEnum):
    """What holds when nobody says anything, and whether a caller may say otherwise."""

    DEFAULT_CLOUD = "default-cloud"
    DEFAULT_LOCAL = "default-local"
    LOCAL_ONLY = "local-only"


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """Classes a request by mode and label."""

    mode: PrivacyMode = PrivacyMode.DEFAULT_CLOUD

    def privacy_of(self, caller: Caller) -> Privacy:
        """The request's class; a label can lift `default-local`, never `local-only`."""
        if self.mode == PrivacyMode.LOCAL_ONLY:
            return Privacy(privacy_class=PrivacyClass.PRIVATE, source="mode local-only")
        if caller.privacy is not None:
            # Compared by value, so that a library caller's "private" counts, and a label nobody knows is private.
            is_public = caller.privacy == PrivacyClass.PUBLIC
            label = PrivacyClass.PUBLIC if is_public else PrivacyClass.PRIVATE
            return Privacy(privacy_class=label, source=caller.privacy_source or "caller")
        if self.mode == PrivacyMode.DEFAULT_CLOUD:
            return Privacy()
        return Privacy(privacy_class=PrivacyClass.PRIVATE, source=f"mode {self.mode}")


@dataclass(frozen=True, slots=True)
class PrivacyConstraint:
    """Strikes out every model that is not local when the request is private."""

    name: str = "privacy"

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """The models that may not see the text."""
        if not context.privacy.is_private:
            return ()
        reason = f"the request is private ({context.privacy.source or 'detected'}) and this model is not local"
        return [Struck(model=card.id, by=self.name, reason=reason) for card in cards if not card.is_local]
