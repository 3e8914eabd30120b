"""What only a process of its own shows: exit codes, broken pipes, signals, the gateway's start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import BIN, PROCESS_S, Done, Run
from tests.cli.servers import config_for, storyteller

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--version",), 0),
        (("route", "--json", "hello"), 0),
        (("nothing",), 2),
        (("config", "check", "none.yaml"), 3),
        (("chat", "--private", "hello"), 4),
        (("route", "--private", "-m", "cloud", "hello"), 5),
    ],
)
def test_exit_codes_are_the_contracts(process: Run, configured: Path, args: tuple[str, ...], code: int) -> None:
    """And nobody ever sees a traceback."""
    done = process(*args)
    assert done.code == code
    assert "Traceback" not in done.err


@pytest.mark.parametrize("data", [b"\x00\xff\xfe", b"{", b'{"prompt": 5}', b"[" * 5000, b'{"prompt": "\xff"}'])
def test_garbage_as_data_is_an_error_in_one_line(process: Run, configured: Path, data: bytes) -> None:
    """With the line's number, whatever the bytes."""
    done = process("route", "--data", "-", stdin=data)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: -:1: ")


def test_output_that_nobody_reads_is_no_error(folder: Path, environ: Mapping[str, str], configured: Path) -> None:
    """As in `pointsman route --data F | head -1`: silence."""
    (folder / "prompts.jsonl").write_text('{"prompt": "hello"}\n' * 20_000, encoding="utf-8")
    with subprocess.Popen(
        [BIN, "route", "--json", "--data", "prompts.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=dict(environ),
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
        code = child.wait(PROCESS_S)
    assert (err, code) == (b"", 141)


def test_help_loads_nothing_that_takes_long(environ: Mapping[str, str]) -> None:
    """`pointsman --help` answers in the time that click itself takes; commands load what they run."""
    heavy = "asyncio click.shell_completion numpy pydantic rich uvicorn xllamacpp yaml pointsman.bootstrap"
    program = f"import sys, pointsman.cli.main; print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=PROCESS_S,
        env=dict(environ),
    )
    assert done.stdout == "[]\n"


def test_a_shell_completes_models_from_the_configuration(process: Run, configured: Path) -> None:
    """As bash would ask after `pointsman route -m `."""
    env = {"_POINTSMAN_COMPLETE": "bash_complete", "COMP_WORDS": "pointsman route -m h", "COMP_CWORD": "3"}
    assert process(env=env).out == "plain,heavy\n"


def test_an_answer_in_another_encoding_is_no_failure(process: Run, compat: Path) -> None:
    """A terminal that cannot show an arrow gets a question mark."""
    done = process("route", "hello world, tell me something short", env={"PYTHONIOENCODING": "cp437"})
    assert (done.code, "why         score -0.150 ? simple" in done.out) == (0, True)


@contextmanager
def serving(folder: Path, environ: Mapping[str, str], *args: str) -> Iterator[tuple[str, list[str]]]:
    """A gateway as a process: its base URL, and the lines it said up to the one to try."""
    with subprocess.Popen(
        [BIN, "serve", "--port", "0", *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=dict(environ),
    ) as child:
        lines: list[str] = []
        try:
            for line in child.stderr or ():
                lines.append(line.rstrip("\n"))
                if line.startswith("try "):
                    break
            found = next(line.split()[-1] for line in lines if line.startswith("OpenAI API"))
            yield found.removesuffix("/v1"), lines
        finally:
            child.send_signal(signal.SIGINT)
            rest = child.stderr.read() if child.stderr else ""
            code = child.wait(PROCESS_S)
    assert (rest.strip(), code) == ("", 130)


def ask(base: str) -> str:
    """The model that answers a request to the gateway at *base*."""
    body = {"messages": [{"role": "user", "content": "hello"}]}
    model: str = httpx2.post(f"{base}/v1/chat/completions", json=body, timeout=PROCESS_S).json()["model"]
    return model


def test_serve_says_what_there_is_and_answers(folder: Path, environ: Mapping[str, str]) -> None:
    """Models by tier and place, the address, a line to try; a request gets its answer; Ctrl-C ends it quietly."""
    with storyteller(at_once=True) as story:
        (folder / "pointsman.yaml").write_text(config_for(story), encoding="utf-8")
        with serving(folder, environ) as (base, lines):
            model = ask(base)
    assert lines[0].startswith("pointsman ")
    body = '{"model": "auto", "messages": [{"role": "user", "content": "What is 2+2?"}]}'
    assert [line.strip() for line in lines[1:]] == [
        "",
        "simple   teller (local)",
        "complex  cloud (cloud)",
        "",
        f"OpenAI API  {base}/v1",
        f"page        {base}/",
        f"try         curl {base}/v1/chat/completions -H 'content-type: application/json' -d '{body}'",
    ]
    assert model == "storyteller"


@pytest.mark.slow
def test_with_nothing_found_the_demo_starts_and_says_so(folder: Path, environ: Mapping[str, str]) -> None:
    """Loudly, with how to add real models."""
    with serving(folder, environ) as (base, lines):
        model = ask(base)
    said = "\n".join(lines)
    assert "DEMO: no model is configured and none was found, so three tiny built-in models answer." in said
    assert "start Ollama" in said
    assert "demo-small (demo)" in said
    assert model == "demo-small"


def test_a_taken_port_is_named_with_the_next_one(process: Run, configured: Path) -> None:
    """Exit code 3, at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = process("serve", "--port", str(port))
    assert done == Done(
        code=3,
        out="",
        err=f"error: Port {port} on 127.0.0.1 is taken.\nhint: Stop what runs there, or use --port {port + 1}.\n",
    )


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--host", "0.0.0.0"), 3, "error: Listening on 0.0.0.0 lets other machines in, and no key is set."),
        (("--host", "no.such.host.invalid"), 3, "error: "),
        (("--port", "70000"), 2, "error: Invalid value for '--port': 70000 is not in the range 0<=x<=65535."),
        (("--config", "none.yaml"), 3, "error: --config: there is no file 'none.yaml'."),
    ],
)
def test_serve_refuses_what_cannot_be(
    process: Run, configured: Path, args: tuple[str, ...], code: int, message: str
) -> None:
    """Before anything is started."""
    done = process("serve", *args)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(message)
