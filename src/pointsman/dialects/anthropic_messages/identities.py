"""Ids of tool calls, made fit for this API: letters, digits, `_` and `-`, and never empty."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_FIT = re.compile(r"[a-zA-Z0-9_-]+")
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")


def fit_id(identity: str) -> str:
    """*identity* as it is, or the same replacement each time it is met: what differs stays different."""
    if _FIT.fullmatch(identity):
        return identity
    digest = hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{_UNFIT.sub('_', identity)}_{digest}"


@dataclass(slots=True)
class Identities:
    """The ids of one conversation. Calls without one are numbered, and results without one answer them in order."""

    _calls: int = 0
    _results: int = 0

    def of_call(self, identity: str) -> str:
        """The id of the next call."""
        if identity:
            return fit_id(identity)
        self._calls += 1
        return f"call_{self._calls}"

    def of_result(self, identity: str) -> str:
        """The id of the call that the next result answers."""
        if identity:
            return fit_id(identity)
        self._results += 1
        return f"call_{self._results}"
