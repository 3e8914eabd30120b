"""Names for files that came without one: OpenAI's APIs refuse data that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pointsman.core.chat import Media

_ENDINGS: Final = {"plain": "txt", "markdown": "md"}


def name_of(media: Media) -> str:
    """The file's own name, else `file` with an ending that tells its type as far as the type does: `file.pdf`."""
    if media.filename:
        return media.filename
    kind = (media.media_type or "").rpartition("/")[2]
    ending = _ENDINGS.get(kind, kind)
    return f"file.{ending}" if ending.isalnum() else "file"
