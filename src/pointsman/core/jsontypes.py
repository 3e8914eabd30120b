"""The JSON boundary: names for what `json.loads` gives, so that `Any` stays here."""

from collections.abc import Mapping, Sequence

JsonScalar = str | int | float | bool | None
Json = JsonScalar | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]
