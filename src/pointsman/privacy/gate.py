"""The one gate to the outside: only `EgressGate` mints an `Egress`, and no provider sends without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from pointsman.core.errors import Refused

if TYPE_CHECKING:
    from pointsman.core.catalog import Endpoint, ModelCard
    from pointsman.core.decision import Privacy

_MINT: Final = object()


@final
class MintedEgress:
    """Leave to send one request's text to one endpoint. Cannot be made outside this module."""

    __slots__ = ("_decision_id", "_endpoint")

    def __init__(self, mint: object, endpoint: Endpoint, decision_id: str) -> None:
        """Refuse anybody who does not hold this module's own token."""
        if mint is not _MINT:
            message = "only the privacy gate mints an Egress"
            raise TypeError(message)
        self._endpoint = endpoint
        self._decision_id = decision_id

    @property
    def endpoint(self) -> str:
        """The one endpoint it is good for."""
        return self._endpoint.name

    @property
    def decision_id(self) -> str:
        """The one request it is good for."""
        return self._decision_id

    def is_for(self, endpoint: Endpoint) -> bool:
        """Whether it was granted for *endpoint* as a whole: another server under the same name is another endpoint."""
        return self._endpoint is endpoint or self._endpoint == endpoint


@dataclass(frozen=True, slots=True)
class EgressGate:
    """Decides, last of all and for each attempt anew, whether text may go to an endpoint."""

    def grant(self, *, decision_id: str, privacy: Privacy, card: ModelCard) -> MintedEgress:
        """An Egress for *card*'s endpoint; Refused when the request is private and the endpoint is not local."""
        if privacy.is_private and not card.endpoint.is_local:
            message = f"Private text may not go to {card.endpoint.name!r}, which is not local."
            raise Refused(message, hint="Choose a local model, or declare the endpoint `local: true` if it is.")
        return MintedEgress(_MINT, card.endpoint, decision_id)


def require(egress: object, endpoint: Endpoint) -> None:
    """Refused unless *egress* was minted here for *endpoint*; every provider's first line."""
    if type(egress) is not MintedEgress or not egress.is_for(endpoint):
        message = f"No leave to send to {endpoint.name!r}."
        raise Refused(message, hint="Providers are called by the engine, through the privacy gate.")
