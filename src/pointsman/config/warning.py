"""Something in a configuration that works but is not what it seems."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config.tree import Origin, Path, dotted


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigWarning:
    """One warning: the dotted path it is about, where that stands, and a sentence with nothing private in it."""

    path: str
    message: str
    where: str = ""  # such as `litellm_config.yaml:12`
    line: int | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.path, self.message) if part)


def warn(path: Path, origin: Origin, message: str) -> ConfigWarning:
    """The warning about the value at *path*."""
    return ConfigWarning(path=dotted(path), message=message, where=origin.where, line=origin.line)
