"""Wire formats: one codec each, used towards callers and towards endpoints. Pure: bytes and values only."""
