"""Sizes of memory as people write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(tib|tb|t|gib|gb|g|mib|mb|m|)", re.IGNORECASE)
_UNITS = {
    "tib": 1 << 40,
    "t": 1 << 40,
    "tb": 10**12,
    "gib": 1 << 30,
    "g": 1 << 30,
    "": 1 << 30,
    "gb": 10**9,
    "mib": 1 << 20,
    "m": 1 << 20,
    "mb": 10**6,
}


def parse_bytes(text: str) -> int | None:
    """`24GiB` (2^30 each), `24GB` (10^9 each), `24` or `24G` (GiB), `512MiB` in bytes; None when it is no size above 0.

    "24 GiB" is 25,769,803,776.
    """
    found = _SIZE.fullmatch(text.strip())
    return int(float(found[1]) * _UNITS[found[2].lower()]) or None if found is not None else None
