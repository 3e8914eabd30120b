"""The published JSON Schema is the code's, every setting is described, and the examples load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pointsman.config
from pointsman.config import json_schema, load

ROOT = Path(__file__).parents[2]


def test_the_published_schema_is_current() -> None:
    """`pointsman config schema > docs/reference/pointsman.schema.json` makes it so."""
    published = json.loads((ROOT / "docs/reference/pointsman.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema()


def test_every_setting_is_described() -> None:
    """Editors and the reference show a sentence for each."""
    schema = json_schema()
    sections = schema["$defs"]
    assert isinstance(sections, dict)
    for name, section in {**sections, "Settings": schema}.items():
        properties = section.get("properties", {}) if isinstance(section, dict) else {}
        for key, field in properties.items():
            assert isinstance(field, dict)
            referred = sections.get(str(field.get("$ref", "")).rpartition("/")[2], {})
            description = field.get("description") or (isinstance(referred, dict) and referred.get("description"))
            assert str(description).endswith((".", ")")), f"{name}.{key}"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_load(path: Path) -> None:
    """Each example is a whole configuration that gives `auto` its models."""
    keys = {"ANTHROPIC_API_KEY": "k"}
    loaded = load(config=path, environ=keys, cwd=ROOT)
    assert loaded.catalog.auto is not None
    assert loaded.catalog.auto.tiers
    assert loaded.warnings == ()


def test_the_example_of_litellm_is_the_guides_file() -> None:
    """People can try the very file."""
    guide = Path(__file__).parent / "data" / "guide.yaml"
    assert (ROOT / "examples/litellm_config.yaml").read_text() == guide.read_text()


def test_all_is_sorted_and_there() -> None:
    """The room's names are the ones it lists."""
    names = pointsman.config.__all__
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(pointsman.config, name) for name in names)
