"""GGUF files on Hugging Face: looked up and downloaded with its own client, `huggingface_hub`.

Its downloads begin anew in each process (seen with 2.4.0). So the bytes are fetched with its `http_get`, which takes a
place to go on from; the key, the mirror in HF_ENDPOINT, redirects and new tries stay the client's. Files in Xet storage
are served over plain HTTP too, up to 50 GB.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import PullProgress
from pointsman.local.known_models import named_quantization
from pointsman.local.planner import gigabytes

_INSTALL: Final = 'Install it with: pip install "pointsman[hub]"'
_SPLIT: Final = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_SPARE_BYTES: Final = 256 * 1024 * 1024  # left on the disk beside the model
_HASH_CHUNK: Final = 8 * 1024 * 1024

OnProgress = Callable[[PullProgress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file on the hub. `licence` is empty when its page names none."""

    repository: str
    path: str
    revision: str  # the commit, so that what is downloaded is what was shown
    size_bytes: int
    sha256: str
    licence: str = ""
    licence_url: str = ""
    is_gated: bool = False

    @property
    def source(self) -> str:
        """For people and notes."""
        return f"{self.repository}/{self.path}"


class _Sibling(Protocol):
    """What is used of a file in the client's answer."""

    rfilename: str
    size: int | None
    lfs: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Hugging Face, or the mirror that `endpoint` or else HF_ENDPOINT names."""

    endpoint: str | None = None

    def look_up(self, repository: str, *, quantization: str, path: str | None = None) -> HubFile:
        """The GGUF file of *repository* at *path*, or the one of *quantization*.

        RuntimeUnavailable: the client is missing, the hub does not answer, or there is no such file.
        """
        hub = _client()
        with _told_as_ours(hub, repository):
            info = hub.HfApi(endpoint=self.endpoint).model_info(repository, files_metadata=True)
        files = [one for one in info.siblings or () if one.rfilename.lower().endswith(".gguf")]
        chosen = _chosen(repository, files, quantization, path)
        sha256 = getattr(chosen.lfs, "sha256", None)
        if not isinstance(sha256, str) or not chosen.size or not info.sha:
            message = f"{repository} does not tell the digest of {chosen.rfilename}, so it cannot be checked."
            raise RuntimeUnavailable(message, hint="Choose another repository.")
        card = info.card_data
        licence = card.get("license_name") or card.get("license") if card is not None else None
        page = f"{self.endpoint or hub.constants.ENDPOINT}/{repository}"
        link = card.get("license_link") if card is not None else None
        return HubFile(
            repository=repository,
            path=chosen.rfilename,
            revision=info.sha,
            size_bytes=chosen.size,
            sha256=sha256,
            licence=str(licence or ""),
            licence_url=link if isinstance(link, str) and link.startswith("https://") else page,
            is_gated=bool(info.gated),
        )

    def download(self, file: HubFile, part: Path, on_progress: OnProgress) -> None:
        """Fetch *file* to *part*, going on where an earlier try stopped, and check its digest.

        RuntimeUnavailable: no space, no connection, or other bytes than the hub promised (*part* is deleted then).
        """
        hub = _client()
        with _alone(file, part):
            self._fetch(hub, file, part, on_progress)
            _check(file, part, on_progress)

    def _fetch(self, hub: ModuleType, file: HubFile, part: Path, on_progress: OnProgress) -> None:
        done = _room_for(file, part)
        hub.utils.disable_progress_bars()
        hub.utils.logging.set_verbosity_error()
        url = hub.hf_hub_url(file.repository, file.path, revision=file.revision, endpoint=self.endpoint)
        with _told_as_ours(hub, file.repository), _Counted(part, done, file.size_bytes, on_progress) as target:
            on_progress(PullProgress(status="downloading", done_bytes=done, total_bytes=file.size_bytes))
            hub.file_download.http_get(
                url,
                target,
                resume_size=done,
                headers=hub.utils.build_hf_headers(),
                expected_size=file.size_bytes,
                displayed_filename=file.path,
            )


class _Counted(io.FileIO):
    """A file that tells how much has been written to it."""

    def __init__(self, path: Path, done: int, total: int, on_progress: OnProgress) -> None:
        super().__init__(path, "ab")
        self._done, self._total, self._on_progress = done, total, on_progress

    def write(self, data: object, /) -> int:
        written = super().write(data)  # type: ignore[arg-type]  # whatever FileIO takes
        self._done += written
        self._tell()
        return written

    def truncate(self, size: int | None = None, /) -> int:
        """The hub would not go on, and the download begins anew."""
        kept = super().truncate(size)
        self._done = kept
        self._tell()
        return kept

    def _tell(self) -> None:
        self._on_progress(PullProgress(status="downloading", done_bytes=self._done, total_bytes=self._total))


def _client() -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.file_download
        import huggingface_hub.utils
    except ImportError as error:
        raise RuntimeUnavailable(
            "Downloading from Hugging Face needs its client, which is not installed.", hint=_INSTALL
        ) from error
    module: ModuleType = huggingface_hub
    return module


def _chosen(repository: str, files: Sequence[_Sibling], quantization: str, path: str | None) -> _Sibling:
    """The file that is meant; RuntimeUnavailable says which there are instead."""
    names = sorted(one.rfilename for one in files)
    if not names:
        message = f"{repository} has no GGUF file."
        raise RuntimeUnavailable(message, hint="GGUF repositories mostly have `-GGUF` at their name's end.")
    if path is not None:
        meant = [one for one in files if one.rfilename == path]
    else:
        meant = [one for one in files if (named_quantization(one.rfilename) or "").upper() == quantization.upper()]
    if not meant:
        wanted = path or f"file in {quantization.upper()}"
        kinds = sorted({kind for name in names if (kind := named_quantization(name)) is not None})
        hint = f"It has {', '.join(kinds)}: give one with -q." if path is None and kinds else _among(names)
        raise RuntimeUnavailable(f"{repository} has no {wanted}.", hint=hint)
    whole = [one for one in meant if not _SPLIT.search(one.rfilename)]
    if not whole:
        message = f"{repository} has {quantization.upper()} in several parts only, which is not supported."
        raise RuntimeUnavailable(message, hint="Choose a repository that has it in one file, or a smaller one.")
    if len(whole) > 1:
        hint = f"Name one: {repository}/{whole[0].rfilename}"
        raise RuntimeUnavailable(f"{repository} has several files in {quantization.upper()}.", hint=hint)
    return whole[0]


def _among(names: Sequence[str]) -> str:
    more = ", …" if len(names) > 8 else ""
    return f"It has {', '.join(names[:8])}{more}."


def _room_for(file: HubFile, part: Path) -> int:
    """How much of *file* is there already; RuntimeUnavailable when the rest does not fit the disk."""
    try:
        done = part.stat().st_size if part.is_file() else 0
        if done > file.size_bytes:
            part.unlink()
            done = 0
        free = shutil.disk_usage(part.parent).free
    except OSError as error:
        raise _unwritable(part, error) from error
    lacking = file.size_bytes - done + _SPARE_BYTES - free
    if lacking > 0:
        message = f"{file.path} needs {gigabytes(file.size_bytes - done)} of disk, {gigabytes(free)} are free."
        raise RuntimeUnavailable(message, hint=f"Free {gigabytes(lacking)} in {part.parent}.")
    return done


@contextmanager
def _alone(file: HubFile, part: Path) -> Iterator[None]:
    """So that no two processes write *part*; RuntimeUnavailable when another one does."""
    from filelock import FileLock, Timeout

    lock = part.with_suffix(".lock")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock, timeout=0)
        held.acquire()
    except Timeout as error:
        message = f"Another process is downloading {file.path} already."
        raise RuntimeUnavailable(message, hint="Wait for it, or end it.") from error
    except OSError as error:
        raise _unwritable(part, error) from error
    try:
        yield
    finally:
        held.release()
        lock.unlink(missing_ok=True)


def _unwritable(part: Path, error: OSError) -> RuntimeUnavailable:
    message = f"{error.filename or part} cannot be written: {error.strerror or error}."
    return RuntimeUnavailable(message, hint="See to the folder's rights.")


def _check(file: HubFile, part: Path, on_progress: OnProgress) -> None:
    digest, done = hashlib.sha256(), 0
    with part.open("rb") as stream:
        while chunk := stream.read(_HASH_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            on_progress(PullProgress(status="checking", done_bytes=done, total_bytes=file.size_bytes))
    if digest.hexdigest() != file.sha256:
        part.unlink(missing_ok=True)
        message = f"{file.path} came with other bytes than {file.repository} promises (SHA-256)."
        raise RuntimeUnavailable(message, hint="It was deleted; pull it again.")


@contextmanager
def _told_as_ours(hub: ModuleType, repository: str) -> Iterator[None]:
    """What the client raises as RuntimeUnavailable, with what to do about it."""
    errors = hub.errors
    try:
        yield
    except errors.GatedRepoError as error:
        hint = f"Accept its terms on {hub.constants.ENDPOINT}/{repository}, then set HF_TOKEN to a key of yours."
        raise RuntimeUnavailable(f"{repository} is given only to those who accept its terms.", hint=hint) from error
    except errors.RepositoryNotFoundError as error:
        hint = "Look for its name on the hub; a private one needs HF_TOKEN."
        raise RuntimeUnavailable(f"There is no {repository} on Hugging Face.", hint=hint) from error
    except errors.HFValidationError as error:
        raise RuntimeUnavailable(f"{repository[:200]!r} is no repository's name.", hint="Write OWNER/NAME.") from error
    except errors.HfHubHTTPError as error:
        raise _refusal(hub, repository, error.response.status_code) from error
    except errors.HTTPError as error:  # the HTTP library's own
        raise _broken(hub, error) from error
    except OSError as error:
        if error.errno is None:  # a download that ended early
            raise _broken(hub, error) from error
        message = f"The download of {repository} cannot be written: {error.strerror}."
        raise RuntimeUnavailable(message, hint="Make room, then pull again: it goes on where it stopped.") from error


def _refusal(hub: ModuleType, repository: str, status: int) -> RuntimeUnavailable:
    hints: Mapping[int, str] = {
        HTTPStatus.UNAUTHORIZED: "HF_TOKEN is wrong, or has no right to it.",
        HTTPStatus.FORBIDDEN: "HF_TOKEN has no right to it.",
        HTTPStatus.TOO_MANY_REQUESTS: "Try again in some minutes; with HF_TOKEN more is allowed.",
    }
    message = f"{hub.constants.ENDPOINT} would not give {repository} (status {status})."
    return RuntimeUnavailable(message, hint=hints.get(status, "Try again: it goes on where it stopped."))


def _broken(hub: ModuleType, error: Exception) -> RuntimeUnavailable:
    told = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    hint = "Try again: it goes on where it stopped. HF_ENDPOINT names a mirror."
    return RuntimeUnavailable(f"The connection to {hub.constants.ENDPOINT} failed: {told}.", hint=hint)
