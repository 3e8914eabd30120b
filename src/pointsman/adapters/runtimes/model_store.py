"""The GGUF files that Pointsman has downloaded, in one folder: each with a note of where it is from.

models/qwen2.5-3b.gguf      the file
models/qwen2.5-3b.json      its note: source, revision, digest, licence
models/accepted.json        the licences that the user has accepted
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from pointsman.core.errors import ConfigError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_ACCEPTED: Final = "accepted.json"
_GGUF: Final = ".gguf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A downloaded model. What its note does not tell, or where there is none, is empty."""

    name: str
    path: Path
    size_bytes: int
    source: str = ""  # such as `Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf`
    revision: str = ""
    sha256: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStore:
    """The folder. It is made when the first model comes."""

    folder: Path

    def models(self) -> Sequence[Pulled]:
        """All of them, by name."""
        found = (path for path in self.folder.glob(f"*{_GGUF}") if path.is_file())
        return [self._pulled(path) for path in sorted(found)]

    def find(self, name: str) -> Pulled | None:
        """The model *name*, if it is here."""
        return self._pulled(self.path_of(name)) if _NAME.fullmatch(name) and self.path_of(name).is_file() else None

    def path_of(self, name: str) -> Path:
        """Where *name* is, or would be."""
        return self.folder / f"{name}{_GGUF}"

    def part_of(self, name: str, sha256: str) -> Path:
        """Where *name* is while it is downloaded; another file of the same name has another place."""
        return self.folder / f".{name}.{sha256[:16]}.part"

    def admit(self, model: Pulled, part: Path) -> Pulled:
        """Take the whole download *part* in as *model*, in place of what was there."""
        with _writing(self.folder):
            note = asdict(model)
            del note["name"], note["path"], note["size_bytes"]
            self._note(model.name).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
            part.replace(model.path)
        return model

    def remove(self, name: str) -> int:
        """Delete *name*, and what is left of downloads of it; how many bytes that frees."""
        parts = self.folder.glob(f".{name}.*.part") if _NAME.fullmatch(name) else ()
        freed = 0
        with _writing(self.folder):
            for path in (self.path_of(name), self._note(name), *parts):
                with suppress(FileNotFoundError):
                    freed += path.stat().st_size
                    path.unlink()
        return freed

    def has_accepted(self, licence: str) -> bool:
        """Whether the user has accepted *licence* before."""
        return licence in self._accepted()

    def accept(self, licence: str) -> None:
        """Remember that the user has accepted *licence*."""
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            accepted = sorted({*self._accepted(), licence})
            (self.folder / _ACCEPTED).write_text(json.dumps(accepted, indent=2) + "\n", encoding="utf-8")

    def _accepted(self) -> frozenset[str]:
        told = _json(self.folder / _ACCEPTED)
        return frozenset(one for one in told if isinstance(one, str)) if isinstance(told, list) else frozenset()

    def _note(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _pulled(self, path: Path) -> Pulled:
        told = _json(self._note(path.stem))
        note = told if isinstance(told, Mapping) else {}
        words = {
            field.name: word
            for field in fields(Pulled)
            if field.type == "str" and isinstance(word := note.get(field.name), str)
        }
        return Pulled(**{**words, "name": path.stem}, path=path, size_bytes=path.stat().st_size)


def require_name(name: str) -> str:
    """*name*, if a model may be called so; ConfigError otherwise."""
    if _NAME.fullmatch(name):
        return name
    message = f"A downloaded model cannot be called {name[:200]!r}."
    raise ConfigError(message, hint="Use small letters, digits, dots and dashes, such as `--as my-model`.")


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or folder} cannot be written: {error.strerror or error}."
        raise ConfigError(message, hint="Make room, or see to the folder's rights.") from error
