"""`pointsman local`, and what gemini-cli asks of its local runtime, with a real llama.cpp and a tiny model."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from pointsman.adapters.runtimes.daemon import Daemon, command_line
from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from tests.adapters.runtimes.test_litert_child import FAKE
from tests.cli.conftest import BIN, PROCESS_S, Run

pytestmark = pytest.mark.e2e
NAME = "gemma3-1b-gpu-custom"
PROBE = f"/v1beta/models/{NAME}:generateContent"


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        number: int = one.getsockname()[1]
        return number


@pytest.fixture
def model(folder: Path) -> Path:
    """A model of a megabyte, as a file in the working folder."""
    shape = Shape(width=256, layers=1, feed_forward=128)
    recipe = DemoRecipe(name="tiny", voice=VOICES["small"], shape=shape, context_tokens=2048)
    path = folder / "tiny.gguf"
    path.write_bytes(make_model(recipe))
    return path


@pytest.fixture
def stopped(process: Run) -> Iterator[None]:
    """Whatever a test has started is stopped."""
    yield
    process("local", "stop")


Setup = Callable[[], None]


@pytest.fixture
def set_up(process: Run, model: Path, port: int, stopped: None) -> Setup:
    """Sets the tiny model up."""

    def done() -> None:
        assert process("local", "setup", "--model", "tiny.gguf", "--port", str(port), "--no-start").code == 0

    return done


def test_it_is_set_up_started_seen_and_stopped(process: Run, set_up: Setup, port: int, tmp_path: Path) -> None:
    """In the background: each command is a process of its own."""
    set_up()
    log = tmp_path / "home" / ".local" / "state" / "pointsman" / "local.log"
    started = process("local", "start")
    pid = re.search(r"process (\d+)", started.out)
    assert pid is not None
    assert started.out == f"started (process {pid[1]}, port {port})\n"
    assert started.err == f"log: {log}\n"
    assert process("local", "start").out == f"runs already (process {pid[1]}, port {port})\n"
    status = process("local", "status")
    assert status.out == (
        f"model    tiny, 1.2 MB\nprocess  {pid[1]}, port {port}\nanswers  http://127.0.0.1:{port}\nlog      {log}\n"
    )
    assert status.code == 0
    assert process("local", "logs", "-n", "100").out.splitlines()[0].startswith("loading ")
    assert process("local", "stop").out == f"stopped (process {pid[1]}, port {port})\n"
    assert command_line(int(pid[1])) is None
    assert process("local", "stop").out == "not running\n"
    told = process("local", "status", "--json")
    assert told.code == 1
    assert {key: json.loads(told.out)[key] for key in ("model", "is_here", "pid", "port", "answers")} == {
        "model": "tiny",
        "is_here": True,
        "pid": None,
        "port": port,
        "answers": False,
    }


def test_without_a_setup_it_says_what_to_do(process: Run) -> None:
    """Whatever is asked for."""
    told = "error: No local model is set up.\nhint: `pointsman local setup` downloads one.\n"
    assert (process("local", "start").code, process("local", "start").err) == (4, told)
    served = process("serve", "--port=9399", "--verbose")
    assert (served.code, served.err) == (4, told)
    status = process("local", "status", "--json")
    assert (status.code, json.loads(status.out)["model"]) == (1, None)
    assert process("local", "logs").code == 4


def test_a_file_that_is_gone_is_said(process: Run, set_up: Setup, model: Path) -> None:
    """Before anything is started."""
    set_up()
    model.unlink()
    done = process("local", "start")
    assert (done.code, done.err.splitlines()[0]) == (4, f"error: The file {model} is gone.")


def test_a_file_that_is_no_model_is_refused(process: Run, folder: Path) -> None:
    """And nothing is remembered."""
    (folder / "bad.gguf").write_bytes(b"hello")
    assert process("local", "setup", "--model", "bad.gguf").code == 3
    assert json.loads(process("local", "status", "--json").out)["model"] is None


def test_a_port_that_another_program_has_is_said(process: Run, set_up: Setup, port: int) -> None:
    """Two servers at one port would be the worse surprise."""
    set_up()
    with closing(socket.create_server(("127.0.0.1", port))):
        done = process("local", "start")
    assert (done.code, done.err.splitlines()[0]) == (4, f"error: Port {port} is taken by another program.")


def test_a_server_that_cannot_start_shows_why(process: Run, set_up: Setup, model: Path) -> None:
    """The last lines of its log are the error."""
    set_up()
    model.write_bytes(model.read_bytes()[:5000])
    done = process("local", "start")
    assert done.code == 4
    assert done.err.startswith("error: The server ended at once: ")
    assert "truncated" in done.err or "could not load" in done.err or "cut" in done.err


def test_a_process_that_only_has_the_number_is_left_alone(
    process: Run, set_up: Setup, tmp_path: Path, port: int
) -> None:
    """Process ids come again: a stale pid file stops nobody."""
    set_up()
    state = tmp_path / "home" / ".local" / "state" / "pointsman"
    state.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as other:
        record = {"pid": other.pid, "port": port, "program": str(BIN)}
        (state / "local.pid").write_text(json.dumps(record), encoding="utf-8")
        assert process("local", "stop").out == "not running\n"
        assert other.poll() is None
        other.kill()


def test_a_server_that_does_not_end_is_killed(tmp_path: Path, port: int) -> None:
    """After its time of grace."""
    program = tmp_path / "stubborn"
    program.write_text(STUBBORN, encoding="utf-8")
    program.chmod(0o755)
    daemon = Daemon(folder=tmp_path, command=["python3", str(program)], probe=PROBE)
    found = daemon.start(port, ready_s=20)
    assert daemon.running() == found
    assert daemon.stop(grace_s=0.5) == found
    assert command_line(found.pid) is None


STUBBORN = """\
import http.server, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(400)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2].removeprefix("--port="))), Handler).serve_forever()
"""


def test_gemini_cli_finds_its_local_runtime(
    process: Run, set_up: Setup, folder: Path, environ: Mapping[str, str], port: int
) -> None:
    """`list` names the model, `pull` has it, `serve --port=N --verbose` answers its route and is known by its line."""
    assert NAME not in process("list").out
    set_up()
    assert NAME in process("list").out
    assert process("pull", NAME).out == f"{NAME} is here: tiny\n"
    with subprocess.Popen(
        [BIN, "serve", f"--port={port}", "--verbose"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=dict(environ),
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if line.startswith("try "):
                break
        url = f"http://127.0.0.1:{port}{PROBE}"
        body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        assert httpx2.post(url).status_code == 400
        answer = httpx2.post(url, json=body, timeout=PROCESS_S)
        assert (answer.status_code, answer.json()["candidates"][0]["content"]["role"]) == (200, "model")
        assert httpx2.post(url.replace(NAME, "other"), json=body).status_code == 404
        line = command_line(child.pid) or ""
        assert str(BIN) in line
        assert f" serve --port={port} " in line
        child.terminate()
        child.communicate(timeout=PROCESS_S)


def test_the_gateway_starts_its_judge(
    process: Run, set_up: Setup, folder: Path, environ: Mapping[str, str], port: int
) -> None:
    """With `auto_start`, when nobody answers at the judge's address; a second gateway uses the same one."""
    set_up()
    text = f"classifier: {{enabled: true, auto_start: true, host: 'http://localhost:{port}'}}\n"
    (folder / "pointsman.yaml").write_text(text + f"models: [{{name: tiny, gguf: {folder}/tiny.gguf}}]\n")
    said = [first_words(folder, environ) for _ in range(2)]
    assert re.match(rf"started the local judge \(process \d+, port {port}\)$", said[0][0])
    assert not any("judge" in line for line in said[1])
    assert process("local", "status").code == 0


def test_a_judge_that_cannot_be_started_is_a_warning(folder: Path, environ: Mapping[str, str], model: Path) -> None:
    """The gateway goes by the scorer then."""
    text = "classifier: {enabled: true, auto_start: true, host: 'http://localhost:9'}\n"
    (folder / "pointsman.yaml").write_text(text + "models: [{name: tiny, gguf: tiny.gguf}]\n")
    assert first_words(folder, environ)[0] == (
        "warning: the local judge was not started: No local model is set up. `pointsman local setup` downloads one."
    )


def first_words(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """What a gateway says until it serves."""
    lines = []
    with subprocess.Popen(
        [BIN, "serve", "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=dict(environ),
    ) as child:
        for line in child.stderr or ():
            lines.append(line.rstrip("\n"))
            if line.startswith("try "):
                break
        child.terminate()
        child.communicate(timeout=PROCESS_S)
    return lines


def test_a_litert_model_is_set_up_by_its_file(
    process: Run, folder: Path, port: int, stopped: None, tmp_path: Path
) -> None:
    """LiteRT-LM runs beside the server, which has its port; both end together."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "litert-lm").write_text(FAKE, encoding="utf-8")
    (programs / "litert-lm").chmod(0o755)
    environ = {"PATH": f"{programs}:/usr/bin:/bin"}
    (folder / "tiny.litertlm").write_bytes(b"LITERTLM and more")
    words = ("local", "setup", "--model", "tiny.litertlm", "--port", str(port))
    done = process(*words, env=environ)
    assert done.code == 0, done.err
    assert done.out.startswith(f"set up: tiny, 0.0 MB, port {port}\nstarted (process ")
    assert process("local", "status").out.startswith("model    tiny, 0.0 MB, by LiteRT-LM\n")
    assert process("list").out.splitlines()[1].split() == [NAME, "0.0", "MB", "tiny"]
    (folder / "pointsman.yaml").write_text(
        f"local: {{vram: 24GiB}}\nclassifier: {{enabled: true, host: 'http://localhost:{port}'}}\n"
        "models: [{name: x, model: ollama_chat/x, memory: 1GB}]\n"
    )
    assert json.loads(process("vram", "check", "--json").out)["models"][NAME] == 450_000_017
    assert process("local", "stop").code == 0
    for inner in (port, port + 1):
        with closing(socket.socket()) as one:
            assert one.connect_ex(("127.0.0.1", inner)) != 0


def test_litert_is_given_a_file(process: Run, folder: Path, model: Path) -> None:
    """It downloads none, and a GGUF file is not one."""
    assert "LiteRT-LM's models are not downloaded here." in process("local", "setup", "--runtime", "litert").err
    done = process("local", "setup", "--runtime", "litert", "--model", str(model))
    assert (done.code, "is no LiteRT-LM model" in done.err) == (3, True)
