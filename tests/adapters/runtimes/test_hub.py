"""GGUF files from Hugging Face, with its own client, against a small hub on loopback."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.hub import Hub, HubFile
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import PullProgress
from tests.adapters.runtimes.hub_server import COMMIT, HubServer, hub_server

DATA = bytes(range(256)) * 4096  # 1 MiB
FILES = {"tiny-Q4_K_M.gguf": DATA, "tiny-Q8_0.gguf": b"GGUF8", "README.md": b"hello"}


@pytest.fixture
def server() -> Iterator[HubServer]:
    """A hub with two files."""
    with hub_server(dict(FILES)) as hub:
        yield hub


def looked_up(server: HubServer, quantization: str = "Q4_K_M", path: str | None = None) -> HubFile:
    """What the server's hub says of a file."""
    return Hub(endpoint=server.url).look_up(server.repository, quantization=quantization, path=path)


def test_a_file_is_found_by_its_quantization(server: HubServer) -> None:
    """With the commit, the digest and the licence that the hub tells."""
    assert looked_up(server) == HubFile(
        repository="makers/Tiny-GGUF",
        path="tiny-Q4_K_M.gguf",
        revision=COMMIT,
        size_bytes=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        licence="apache-2.0",
        licence_url=f"{server.url}/makers/Tiny-GGUF",
    )


def test_a_file_may_be_named(server: HubServer) -> None:
    """Then the quantization does not matter."""
    assert looked_up(server, path="tiny-Q8_0.gguf").path == "tiny-Q8_0.gguf"


@pytest.mark.parametrize(
    ("files", "quantization", "path", "told"),
    [
        (FILES, "Q2_K", None, "has no file in Q2_K. It has Q4_K_M, Q8_0: give one with -q."),
        (FILES, "Q2_K", "x.gguf", "has no x.gguf. It has tiny-Q4_K_M.gguf, tiny-Q8_0.gguf."),
        ({"README.md": b"x"}, "Q4_K_M", None, "has no GGUF file."),
        ({"a-Q4_K_M.gguf": b"x", "b-Q4_K_M.gguf": b"x"}, "Q4_K_M", None, "has several files in Q4_K_M. Name one: "),
        ({"a-Q4_K_M-00001-of-00002.gguf": b"x"}, "Q4_K_M", None, "has Q4_K_M in several parts only"),
    ],
)
def test_what_is_not_there_is_said(
    server: HubServer, files: dict[str, bytes], quantization: str, path: str | None, told: str
) -> None:
    """And what is there instead."""
    server.files = dict(files)
    with pytest.raises(RuntimeUnavailable) as caught:
        looked_up(server, quantization, path)
    assert f"makers/Tiny-GGUF {told}" in str(caught.value)


def test_an_unknown_repository_is_said(server: HubServer) -> None:
    """The client's own words would be four lines."""
    with pytest.raises(RuntimeUnavailable, match="There is no makers/other on Hugging Face"):
        Hub(endpoint=server.url).look_up("makers/other", quantization="Q4_K_M")


@pytest.mark.parametrize(("status", "hint"), [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (500, "Try again")])
def test_a_refusal_says_what_to_do(server: HubServer, status: int, hint: str) -> None:
    """A key that is missing or wrong, or the hub's own trouble."""
    server.status = status
    with pytest.raises(RuntimeUnavailable) as caught:
        looked_up(server)
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_nobody_there(tmp_path: Path) -> None:
    """Offline is an error in two lines."""
    with pytest.raises(RuntimeUnavailable) as caught:
        Hub(endpoint="http://127.0.0.1:9").look_up("makers/Tiny-GGUF", quantization="Q4_K_M")
    assert caught.value.hint == "Try again: it goes on where it stopped. HF_ENDPOINT names a mirror."


def test_a_download_is_whole_and_checked(server: HubServer, tmp_path: Path) -> None:
    """Progress ends at the file's size, of fetching and of checking."""
    seen: list[PullProgress] = []
    part = tmp_path / "models" / "tiny.part"
    Hub(endpoint=server.url).download(looked_up(server), part, seen.append)
    assert part.read_bytes() == DATA
    whole = {"done_bytes": len(DATA), "total_bytes": len(DATA)}
    assert PullProgress(status="downloading", **whole) in seen
    assert seen[-1] == PullProgress(status="checking", **whole)


def test_a_download_goes_on_where_it_stopped(server: HubServer, tmp_path: Path) -> None:
    """In another process too: only the rest is asked for."""
    part = tmp_path / "tiny.part"
    part.write_bytes(DATA[:600_000])
    seen: list[PullProgress] = []
    Hub(endpoint=server.url).download(looked_up(server), part, seen.append)
    assert part.read_bytes() == DATA
    assert server.ranges == ["bytes=600000-"]
    assert seen[0].done_bytes == 600_000


def test_a_connection_that_breaks_is_taken_up_again(server: HubServer, tmp_path: Path) -> None:
    """By the client itself, at the last of its pieces of 10 MiB."""
    server.files["tiny-Q4_K_M.gguf"] = DATA * 12
    server.breaks_after = 11 << 20
    part = tmp_path / "tiny.part"
    Hub(endpoint=server.url).download(looked_up(server), part, lambda _: None)
    assert part.read_bytes() == DATA * 12
    assert server.ranges == ["", f"bytes={10 << 20}-"]


def test_other_bytes_than_promised_are_refused(server: HubServer, tmp_path: Path) -> None:
    """And deleted, so that the next try does not go on from them."""
    server.lies = True
    part = tmp_path / "tiny.part"
    with pytest.raises(RuntimeUnavailable, match="came with other bytes"):
        Hub(endpoint=server.url).download(looked_up(server), part, lambda _: None)
    assert not part.exists()


def test_a_disk_that_is_too_small_is_seen_before(server: HubServer, tmp_path: Path) -> None:
    """Nothing is fetched then."""
    file = looked_up(server)
    huge = HubFile(
        repository=file.repository, path=file.path, revision=file.revision, size_bytes=1 << 60, sha256=file.sha256
    )
    with pytest.raises(RuntimeUnavailable, match=r"needs 1152921504\.6 GB of disk"):
        Hub(endpoint=server.url).download(huge, tmp_path / "tiny.part", lambda _: None)
    assert server.ranges == []


def test_two_do_not_write_one_file(server: HubServer, tmp_path: Path) -> None:
    """The second is told; afterwards nothing is left of the lock."""
    part = tmp_path / "tiny.part"
    refused: list[str] = []

    def again(_: PullProgress) -> None:
        if not refused:
            with pytest.raises(RuntimeUnavailable) as caught:
                Hub(endpoint=server.url).download(looked_up(server), part, lambda _: None)
            refused.append(caught.value.message)

    Hub(endpoint=server.url).download(looked_up(server), part, again)
    assert refused == ["Another process is downloading tiny-Q4_K_M.gguf already."]
    assert list(tmp_path.iterdir()) == [part]


def test_a_folder_that_cannot_be_written_is_said(server: HubServer, tmp_path: Path) -> None:
    """Before anything is fetched."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeUnavailable, match="cannot be written"):
        Hub(endpoint=server.url).download(looked_up(server), tmp_path / "file" / "tiny.part", lambda _: None)
    assert server.ranges == []
