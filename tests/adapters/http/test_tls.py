"""Certificates are verified, names are checked, and both can be satisfied."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from shutil import which

import pytest

from pointsman.adapters.http import ConnectFailed, ConnectFailure, HttpClient, Target
from tests.adapters.http.servers import OK, Peer, answers, keeps_answering, upstream

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="the openssl program makes the certificates")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", *files],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    """What the server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """A client context that trusts that one certificate."""
    return ssl.create_default_context(cafile=str(certificate))


async def test_a_trusted_server_is_reached_and_its_connection_kept(
    server_side: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """The same pool and parser work above TLS, bodies over the read limit included."""
    long = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + b"x" * 3_000_000
    async with upstream(answers(OK, long), server_side) as server, HttpClient(ssl_context=trusting) as client:
        assert await (await client.request("POST", server.target, body=b"{}")).read(2) == b"ok"
        assert len(await (await client.request("GET", server.target)).read(3_000_000)) == 3_000_000
        assert len(server.peers) == 1


async def test_leaving_a_tls_stream_closes_it(server_side: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """Cancelling upstream does not wait for a TLS farewell."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK[:-1])
        await peer.client_closed()

    async with upstream(script, server_side) as server, HttpClient(ssl_context=trusting) as client:
        async with await client.request("GET", server.target) as response:
            assert await response.next_chunk() == b"o"
        await server.peers[0].has_left.wait()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_unknown_authority_is_refused_by_default(server_side: ssl.SSLContext) -> None:
    """Verification is on without anybody asking for it."""
    async with upstream(keeps_answering, server_side) as server, HttpClient() as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.request("GET", server.target)
    assert caught.value.reason is ConnectFailure.TLS


async def test_a_certificate_for_another_host_is_refused(server_side: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """The right authority is not enough."""
    async with upstream(keeps_answering, server_side) as server, HttpClient(ssl_context=trusting) as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.request("GET", Target.parse(f"https://localhost:{server.target.port}"))
    assert caught.value.reason is ConnectFailure.TLS


async def test_tls_to_a_plain_server_is_a_tls_failure() -> None:
    """A wrong scheme in the configuration is named for what it is."""

    async def script(peer: Peer) -> None:
        await peer.reader.read(65536)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with upstream(script) as server, HttpClient() as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.request("GET", Target.parse(f"https://127.0.0.1:{server.target.port}"))
    assert caught.value.reason is ConnectFailure.TLS
