"""Reading one configuration file of any shape we know: ours, LiteLLM's, gemini-cli's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pointsman.config import environment, repair
from pointsman.config.environment import Unset
from pointsman.config.imports import gemini_settings, litellm
from pointsman.config.tree import Node
from pointsman.config.warning import ConfigWarning
from pointsman.config.yaml_tree import masked_line, parse_yaml
from pointsman.core.errors import ConfigError

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
_COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file as a tree of our own settings, with what was noticed on the way."""

    tree: Node
    warnings: tuple[ConfigWarning, ...] = ()
    unset_keys: tuple[Unset, ...] = ()  # keys whose variables are not set, by their path in `tree`
    is_litellm: bool = False
    is_ours: bool = True  # what is written at a path of `tree` stands at the same path of the file


def read(path: Path, environ: Mapping[str, str], *, shown: str) -> Read:
    """The file at *path*, called *shown* in messages."""
    tree = parse(read_text(path, shown), shown)
    if litellm.is_litellm(tree):
        imported = litellm.convert(litellm.with_includes(tree, path.parent, _read_tree), environ)
        return Read(
            tree=imported.tree,
            warnings=imported.warnings,
            unset_keys=imported.unset_keys,
            is_litellm=True,
            is_ours=False,
        )
    if gemini_settings.is_gemini_settings(tree):
        converted, warnings = gemini_settings.convert(tree, environ)
        return Read(tree=converted, warnings=warnings, is_ours=False)
    resolved, unset = environment.resolve(tree, environ)
    if unset:
        raise unset[0].error()
    return Read(tree=resolved)


def parse(text: str, shown: str) -> Node:
    """The tree of a file's *text*; a file that lost its indentation is recognised and shown repaired."""
    if shown.endswith((".json", ".jsonc")):
        text = _without_comments(text)
    elif repair.is_flattened(text):
        repaired = "\n".join(masked_line(line) for line in repair.repair_flattened(text).splitlines())
        raise ConfigError(
            f"{shown}: the indentation of this file is lost: no line begins with a space.",
            hint=f"`pointsman config check --fix {shown}` writes it back like this:\n\n{repaired}\n",
        )
    tree = parse_yaml(text, shown)
    if not isinstance(tree.value, dict):
        raise ConfigError(f"{tree.origin.where}: the file should hold a mapping of settings, not {tree.kind}.")
    return tree


def read_text(path: Path, shown: str) -> str:
    """The text of the file at *path*, called *shown* in messages."""
    try:
        if path.is_dir():
            raise ConfigError(f"{shown}: this is a folder, not a file.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{shown}: this file is larger than {MAX_FILE_BYTES // 1024**2} MiB.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{shown}: there is no such file.") from error
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read ({error.strerror}).") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown}: this is no UTF-8 text (byte {error.start}).") from error
    if "\0" in text:
        raise ConfigError(f"{shown}: this is a binary file, not text.")
    return text


def _read_tree(path: Path) -> Node:
    return parse(read_text(path, str(path)), str(path))


def _without_comments(text: str) -> str:
    """JSON with comments and tabs as YAML can read it, every line where it was."""

    def blank(found: re.Match[str]) -> str:
        return found[0] if found[0].startswith('"') else re.sub(r"[^\n]", " ", found[0])

    return _COMMENT_OR_STRING.sub(blank, text).replace("\t", " ")
