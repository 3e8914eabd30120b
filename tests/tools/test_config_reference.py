"""The page of all settings, as it is made from their JSON Schema."""

from pointsman.config.schema import Settings
from tools.config_reference import NO_EFFECT_YET, PAGE, page


def test_the_page_of_settings_is_current() -> None:
    """What is committed is what `python tools/config_reference.py` writes."""
    assert PAGE.read_text(encoding="utf-8") == page(Settings.model_json_schema())


def test_every_setting_said_to_have_no_effect_exists() -> None:
    """Each dagger stands on the page: a setting that was renamed or removed is noticed."""
    assert page(Settings.model_json_schema()).count("` † |") == len(NO_EFFECT_YET)


def test_a_setting_shows_its_type_bounds_default_and_meaning() -> None:
    """One row a key; a section of its own for a mapping with keys."""
    schema = {
        "$defs": {
            "Part": {
                "type": "object",
                "description": "A part.",
                "properties": {"n": {"type": "integer", "minimum": 1, "default": 3, "description": "How many."}},
                "required": ["n"],
            }
        },
        "description": "All.",
        "properties": {
            "part": {"$ref": "#/$defs/Part"},
            "kind": {"enum": ["a", "b"], "default": "a", "description": "a | b."},
            "names": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": "A name."},
        },
    }
    assert page(schema).partition("## ")[2] == (
        "`pointsman.yaml`\n\nAll.\n\n"
        "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
        "| `part` | [`part`](#part) |  | A part. |\n"
        "| `kind` | `a`, `b` | `a` | a \\| b. |\n"
        "| `names` | string |  | A name. |\n"
        "\n## `part`\n\nA part.\n\n"
        "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
        "| `n` | whole number ≥ 1 | **required** | How many. |\n"
    )
