"""Whatever stands in a file, loading gives settings or a ConfigError, never another exception."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.config import Settings, is_flattened, load, repair_flattened, show
from pointsman.config.imports.litellm import TOP_KEYS
from pointsman.config.imports.litellm_models import DEFAULTS, INFO_KEYS, RENAMED
from pointsman.config.schema import ModelSettings, RoutingSettings
from pointsman.core.errors import ConfigError

KEYS = sorted(
    set(Settings.model_fields)
    | TOP_KEYS
    | set(ModelSettings.model_fields)
    | set(RoutingSettings.model_fields)
    | set(RENAMED)
    | set(sorted(DEFAULTS)[:5])
    | INFO_KEYS
    | {"litellm_params", "model_name", "model_info", "SIMPLE", "simple", "a", "experimental", "gemmaModelRouter"}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["a", "b", "auto", "ollama_chat/a:3b", "openai/x", "http://localhost:1", "os.environ/X", "simple"]),
)
NAMED = st.sampled_from(KEYS) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMED, inner, max_size=4), max_leaves=12
)
MODELS = st.lists(
    st.fixed_dictionaries(
        {
            "model_name": st.sampled_from(["a", "b"]) | VALUES,
            "litellm_params": st.dictionaries(NAMED, VALUES, max_size=4) | VALUES,
        },
        optional={"model_info": VALUES},
    ),
    max_size=3,
)
FILES = st.dictionaries(NAMED, VALUES, max_size=5) | st.fixed_dictionaries(
    {"model_list": MODELS}, optional={"router_settings": VALUES, "litellm_settings": VALUES, "include": VALUES}
)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "- ", "  ", "    "]), NAMED, st.sampled_from([":", ": a", ": [a]", ": {", "]", ": |"])
    ),
    max_size=12,
).map(lambda rows: "\n".join("".join(row) for row in rows))


def loads_or_refuses(content: str | bytes) -> None:
    """Load *content*; only a ConfigError may come of it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pointsman.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        with suppress(ConfigError):
            loaded = load(config=path, environ={"XDG_CONFIG_HOME": folder}, cwd=Path(folder))
            assert show(loaded)
            assert all(str(warning) for warning in loaded.warnings)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_load_or_are_refused(content: bytes) -> None:
    """Bytes that are no text at all end in a ConfigError."""
    loads_or_refuses(content)


@given(st.text(max_size=200) | LINES)
@settings(max_examples=150, deadline=None)
def test_any_text_loads_or_is_refused(content: str) -> None:
    """Text that is no YAML, or YAML of the wrong shape, ends in a ConfigError."""
    loads_or_refuses(content)


@given(FILES)
@settings(max_examples=150, deadline=None)
def test_any_values_under_known_keys_load_or_are_refused(content: object) -> None:
    """Known keys with values of any type end in settings or a ConfigError."""
    loads_or_refuses(yaml.safe_dump(content, allow_unicode=True))


@given(LINES)
@settings(max_examples=150, deadline=None)
def test_repair_keeps_every_line(content: str) -> None:
    """Repairing changes nothing but the spaces before a line."""
    repaired = repair_flattened(content)
    assert [line.strip() for line in repaired.splitlines()] == [line.strip() for line in content.splitlines()]
    assert is_flattened(content) in {True, False}
