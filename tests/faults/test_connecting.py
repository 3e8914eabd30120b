"""Faults 1 to 7: nobody there, no name, no trust, no answer, or an answer that is none."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import which

import pytest

from pointsman.core.health import Cause, HealthState
from tests.faults.conftest import Opens
from tests.faults.names import Names
from tests.faults.upstream import (
    CLOSE,
    OPENAI,
    RESET,
    STALL,
    Act,
    black_hole,
    faulty,
    good,
    head,
    model,
    plays,
    refusing,
    streams,
)

SPARE = good(OPENAI, "From the spare.")
NO_RETRIES = {"num_retries": 0}


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_01_connect_refused(gateway: Opens, *, is_streamed: bool) -> None:
    """Connect refused: the next model answers; after two of these nobody asks the endpoint; 503 where it is alone."""
    with refusing() as nowhere:
        async with (
            faulty(SPARE) as spare,
            gateway(model(OPENAI, nowhere), model(OPENAI, spare.url, "spare", "medium")) as place,
        ):
            heard = [await place.ask(stream=is_streamed) for _ in range(3)]
            alone = await place.ask("first")
            (health,) = place.router.health.healths()
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 3
    assert [one.headers["x-pointsman-fallbacks"] for one in heard] == ["1", "1", "0"]
    assert (alone.status, alone.error["code"]) == (503, "models_unavailable")
    assert 1 <= int(alone.headers["retry-after"]) <= 6
    assert (health.is_endpoint, health.state, health.cause) == (True, HealthState.COOLING, Cause.NETWORK)


async def test_01_a_private_request_never_leaves_for_it(gateway: Opens) -> None:
    """Connect refused, private request: 503 with Retry-After, and no model outside is asked."""
    with refusing() as nowhere:
        async with faulty(SPARE) as cloud:
            outside = model(OPENAI, cloud.url, "cloud", "medium", local=False)
            async with gateway(model(OPENAI, nowhere), outside, resilience=NO_RETRIES) as place:
                heard = await place.ask(headers={"x-pointsman-privacy": "private"})
    assert (heard.status, heard.error["code"]) == (503, "no_model_available")
    assert "retry-after" in heard.headers
    assert cloud.calls == []


async def test_02_connect_time_out(gateway: Opens) -> None:
    """SYN black hole: given up after the connect time-out, then as a refused connection."""
    began = time.monotonic()
    with black_hole() as nowhere:
        async with faulty(SPARE) as spare:
            dead = model(OPENAI, nowhere, connect_timeout_s=0.2)
            async with gateway(dead, model(OPENAI, spare.url, "spare", "medium")) as place:
                heard = [await place.ask() for _ in range(3)]
                alone = await place.ask("first")
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 3
    assert [one.headers["x-pointsman-fallbacks"] for one in heard] == ["1", "1", "0"]
    assert (alone.status, alone.error["code"]) == (503, "models_unavailable")
    assert time.monotonic() - began < 2  # the outcome itself: two time-outs of 0.2 s, and no third


async def test_03_a_name_without_address(gateway: Opens) -> None:
    """DNS failure: the next model answers, as for a refused connection; 503 where it is alone."""
    async with (
        faulty(SPARE) as spare,
        gateway(
            model(OPENAI, "http://nowhere.invalid"), model(OPENAI, spare.url, "spare", "medium"), resilience=NO_RETRIES
        ) as place,
    ):
        heard = await place.ask()
        alone = await place.ask("first")
    assert heard.outcome == (200, "From the spare.")
    assert alone.outcome == (503, "no_model_available")
    assert "cannot connect (dns)" in alone.error["message"]


async def test_03_a_name_that_is_not_found_any_more(gateway: Opens, names: Names) -> None:
    """DNS fails later: the last good address is used."""
    names.known["upstream.test"] = ["127.0.0.1"]
    async with faulty(good(OPENAI, "Found.")) as upstream:
        url = upstream.url.replace("127.0.0.1", "upstream.test")
        async with gateway(model(OPENAI, url)) as place:
            before = await place.ask()
            upstream.peers[0].writer.close()
            names.known.clear()
            after = await place.ask()
    assert [one.outcome for one in (before, after)] == [(200, "Found.")] * 2
    assert (len(upstream.peers), names.asked) == (2, ["upstream.test"] * 2)


async def test_03_a_name_that_takes_long(gateway: Opens, names: Names) -> None:
    """Slow DNS: the loop goes on serving, and the last good address is used after a second."""
    names.known["slow.test"] = ["127.0.0.1"]
    async with faulty(good(OPENAI, "Found.")) as upstream, faulty(SPARE) as other:
        slow = model(OPENAI, upstream.url.replace("127.0.0.1", "slow.test"))
        async with gateway(slow, model(OPENAI, other.url, "other", "medium")) as place:
            before = await place.ask("first")
            upstream.peers[0].writer.close()
            names.answers.clear()
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(place.ask("first"))
                served = await place.ask("other")
                served_s = time.monotonic() - began
            after = waiting.result()
    assert [one.outcome for one in (before, after)] == [(200, "Found.")] * 2
    assert served.outcome == (200, "From the spare.")
    assert served_s < 0.9  # before the second was over


async def test_03_a_name_that_takes_for_ever(gateway: Opens, names: Names) -> None:
    """Slow DNS and no address known: the connect time-out covers the look-up, then the next model answers."""
    names.answers.clear()
    async with faulty(SPARE) as spare:
        first = model(OPENAI, "http://slow.test:1", connect_timeout_s=0.1)
        async with gateway(first, model(OPENAI, spare.url, "spare", "medium")) as place:
            heard = await place.ask()
    assert (heard.outcome, heard.headers["x-pointsman-fallbacks"]) == ((200, "From the spare."), "1")


CERTIFICATES = {  # for whom, days it is good for, whether it is trusted
    "of nobody": ("IP:127.0.0.1", 2, False),
    "of another host": ("DNS:other.test", 2, True),
    "expired": ("IP:127.0.0.1", -1, True),
}


@pytest.mark.skipif(which("openssl") is None, reason="the openssl program makes the certificates")
@pytest.mark.parametrize("name", CERTIFICATES)
async def test_04_a_certificate_that_is_wrong(
    gateway: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """TLS error (unknown, expired, for another host): no retry there, shown in the health, 502; the next answers."""
    subject, days, is_trusted = CERTIFICATES[name]
    certificate = made_certificate(tmp_path, subject, days)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with faulty(good(OPENAI, "Never."), tls=context) as first, faulty(SPARE) as spare:
        models = model(OPENAI, first.url), model(OPENAI, spare.url, "spare", "medium")
        async with gateway(*models) as place:
            alone = await place.ask("first")
            heard = [await place.ask() for _ in range(2)]
            health = place.router.health.healths()
    assert alone.outcome == (502, "bad_upstream")
    assert "certificate" in alone.error["message"].lower()
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 2
    assert len(first.peers) == 0
    assert first.calls == []
    assert [(one.is_endpoint, one.state) for one in health] == [(True, HealthState.DOWN)]


def made_certificate(folder: Path, subject: str, days: int) -> Path:
    """A self-signed certificate and its key in one file."""
    key, request, names, certificate = (folder / name for name in ("key.pem", "request.pem", "names", "cert.pem"))
    names.write_text(f"subjectAltName={subject}\n")
    new = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    sign = ["openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", f"{days}", "-extfile", names]
    for command in ([*new, "-subj", "/CN=x", "-keyout", key, "-out", request], [*sign, "-out", certificate]):
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both


async def test_05_reset_before_the_response(gateway: Opens) -> None:
    """Reset before the response: asked once more where nobody else can answer, within the retry budget."""
    async with faulty(plays(RESET), good(OPENAI, "At last.")) as only, gateway(model(OPENAI, only.url)) as place:
        heard = await place.ask()
    assert heard.outcome == (200, "At last.")
    assert len(only.calls) == 2


async def test_05_no_second_try_without_budget(gateway: Opens) -> None:
    """Reset before the response, retry budget spent: not asked again; 503."""
    budget = {"retry_budget": {"share": 0, "at_least": 0}}
    async with (
        faulty(plays(RESET), good(OPENAI, "At last.")) as only,
        gateway(model(OPENAI, only.url), resilience=budget) as place,
    ):
        heard = await place.ask()
    assert heard.outcome == (503, "no_model_available")
    assert len(only.calls) == 1


BROKEN_HEADS = {
    "reset in the headers": (b"HTTP/1.1 200 OK\r\ncontent-type: appl", RESET),
    "closed in the headers": (b"HTTP/1.1 200 OK\r\ncontent-type: appl", CLOSE),
    "garbage": (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", STALL),
    "garbage status": (b"HTTP/1.1 abc Fine\r\n\r\n", STALL),
    "1 MB header": (b"HTTP/1.1 200 OK\r\nx-padding: " + b"a" * 2**20 + b"\r\n\r\n", STALL),
    "header without end": (b"HTTP/1.1 200 OK\r\n" + b"x-padding: aaaa\r\n" * 2**16, STALL),
}  # fmt: skip


@pytest.mark.parametrize("steps", BROKEN_HEADS.values(), ids=BROKEN_HEADS)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_06_a_head_that_is_none(gateway: Opens, steps: Sequence[bytes], *, is_streamed: bool) -> None:
    """Broken response headers (cut, garbage, 1 MB): 502, the connection is dropped and not used again."""
    act: Act = plays(*steps)
    async with (
        faulty(act, good(OPENAI, "Back.")) as only,
        gateway(model(OPENAI, only.url), resilience=NO_RETRIES) as place,
    ):
        heard = await place.ask(stream=is_streamed)
        await only.was_left()
        again = await place.ask(stream=is_streamed)
    assert heard.outcome == (502, "bad_upstream")
    assert again.outcome == (200, "Back.")
    assert len(only.peers) == 2


@pytest.mark.parametrize(
    "act", [plays(STALL), streams(OPENAI, STALL), plays(head(200, {"content-length": "9"}), STALL)],
    ids=["before the headers", "after a stream's", "after a whole answer's"],
)  # fmt: skip
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_07_a_stall_before_the_first_byte(gateway: Opens, act: Act, *, is_streamed: bool) -> None:
    """Stall before the first byte: time-out, upstream cancelled, the next model answers."""
    async with faulty(act) as slow, faulty(SPARE) as spare:
        first = model(OPENAI, slow.url, first_byte_timeout_s=0.1)
        async with gateway(first, model(OPENAI, spare.url, "spare", "medium")) as place:
            heard = await place.ask(stream=is_streamed)
            await slow.was_left()
    assert (heard.outcome, heard.headers["x-pointsman-fallbacks"]) == ((200, "From the spare."), "1")


async def test_07_a_model_that_loads_has_more_time(gateway: Opens) -> None:
    """Stall while a local model loads: `whole_timeout_s` and `first_byte_timeout_s` are each endpoint's own."""
    async with faulty(plays(STALL)) as slow, faulty(SPARE) as spare:
        first = model(OPENAI, slow.url, first_byte_timeout_s=60, whole_timeout_s=0.1)
        async with gateway(first, model(OPENAI, spare.url, "spare", "medium")) as place:
            heard = await place.ask()
    assert heard.outcome == (200, "From the spare.")
