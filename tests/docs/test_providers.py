"""The guide's table of providers says what the configuration does."""

from __future__ import annotations

import re

import pytest

from pointsman.config.load import load
from pointsman.config.providers import ALL
from pointsman.config.servers import split_provider
from pointsman.core.catalog import Secret
from tests.docs.snippets import ROOT

GUIDE = ROOT / "docs" / "guides" / "providers.md"
_CODE = re.compile(r"`([^`]*)`")


def rows() -> list[tuple[str, str, str, str, str]]:
    """Provider, line, variable, API and address of each row, without the marks of code."""
    lines = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [(name, *(_CODE.sub(r"\1", cell) for cell in rest)) for name, *rest in cells]  # type: ignore[misc]


@pytest.mark.parametrize(("provider", "line", "variable", "api", "address"), rows())
def test_a_line_of_the_guide_reaches_its_server(
    provider: str, line: str, variable: str, api: str, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By that API, at that address, with the key of that variable, and without a warning."""
    folder = tmp_path_factory.mktemp("guide")
    path = folder / "pointsman.yaml"
    path.write_text(f"models:\n  - {line}\n", encoding="utf-8")
    loaded = load(config=path, environ={variable: "its-key"}, cwd=folder)
    (card,) = loaded.catalog.models
    assert (card.endpoint.dialect, card.endpoint.base_url) == (api, address)
    assert card.endpoint.api_key == (None if variable == "–" else Secret("its-key"))
    assert loaded.warnings == (), provider


def test_every_provider_has_a_line() -> None:
    """A new one is not forgotten."""
    named = [split_provider(line.partition("model: ")[2].strip('"').split(",")[0])[0] for _, line, *_ in rows()]
    assert {provider.name for provider in named if provider is not None} == {provider.name for provider in ALL}
