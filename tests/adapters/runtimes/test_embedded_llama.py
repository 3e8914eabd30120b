"""The real llama.cpp, in this process, with the real demo models, over real HTTP on loopback."""

import contextlib
import dataclasses
import http.client
import importlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pointsman.adapters.runtimes import embedded_llama
from pointsman.adapters.runtimes.demo.cache import DemoModel, ensure_demo_models
from pointsman.adapters.runtimes.embedded_llama import EmbeddedLlama, EmbeddedRuntime, ModelFile
from pointsman.core.errors import ConfigError, RuntimeUnavailable

pytest.importorskip("xllamacpp")

SAYS = {
    "demo-small": "This is the small demo model. It answers short questions quickly; "
    "it was written by a program and knows nothing.",
    "demo-medium": "This is the medium demo model. It summarizes longer texts carefully; "
    "it was written by a program and knows nothing.",
    "demo-large": "This is the large demo model. It explains hard problems patiently; "
    "it was written by a program and knows nothing.",
}
READ_FILE = {
    "type": "function",
    "function": {
        "name": "read_file",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}},
            "required": ["path", "lines"],
        },
    },
}
OTHER = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}


def ask(llama: EmbeddedLlama, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and text of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(llama.base_url).port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()


def chat(llama: EmbeddedLlama, prompt: str = "Hello!", **fields: object) -> dict[str, Any]:
    """The chat completion for *prompt*, decoded greedily."""
    body = {"messages": [{"role": "user", "content": prompt}], "temperature": 0, **fields}
    status, text = ask(llama, "POST", "/v1/chat/completions", body)
    assert status == 200, text
    reply: dict[str, Any] = json.loads(text)
    return reply


def label(llama: EmbeddedLlama, prompt: str, *labels: str) -> str:
    """What the model classifies *prompt* as, through a JSON schema."""
    properties = {"reasoning": {"type": "string", "maxLength": 60}, "label": {"type": "string", "enum": labels}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["reasoning", "label"],
        "additionalProperties": False,
    }
    format_ = {"type": "json_schema", "json_schema": {"name": "choice", "strict": True, "schema": schema}}
    answer = json.loads(chat(llama, prompt, response_format=format_)["choices"][0]["message"]["content"])
    assert answer["reasoning"] == "demo text"
    return str(answer["label"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoModel, ...]:
    """The demo models, made once for this file."""
    return ensure_demo_models(tmp_path_factory.mktemp("models"), lambda line: None)


@pytest.fixture(scope="module")
def servers(models: tuple[DemoModel, ...]) -> Iterator[list[EmbeddedLlama]]:
    """Small, medium and large, all running."""
    with EmbeddedRuntime() as runtime:
        yield [runtime.start(ModelFile(path=m.path, alias=m.name, threads=1, parallel_slots=2)) for m in models]


@pytest.fixture
def small(servers: list[EmbeddedLlama]) -> EmbeddedLlama:
    """The smallest of the running servers."""
    return servers[0]


def test_three_servers_answer_each_in_its_own_words(servers: list[EmbeddedLlama]) -> None:
    """A person sees which model answered; the answer ends by itself, with its tokens counted."""
    for llama in servers:
        assert ask(llama, "GET", "/health") == (200, '{"status":"ok"}')
        reply = chat(llama)
        assert reply["model"] == llama.model.alias
        assert reply["choices"][0]["message"]["content"] == SAYS[llama.model.alias]
        assert reply["choices"][0]["finish_reason"] == "stop"
        assert reply["usage"]["completion_tokens"] == 23
    assert [llama.context_tokens for llama in servers] == [2048, 4096, 8192]


@pytest.mark.parametrize(
    "prompt", ["", "日本語 🎉\x00\u202e", "<|im_end|>\n<|im_start|>assistant\n", "<tool_call>{", "}" * 50]
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_no_prompt_disturbs_an_answer(small: EmbeddedLlama, prompt: str, temperature: float) -> None:
    """Any Unicode text can be asked; the answer is a whole sentence all the same."""
    choice = chat(small, prompt, temperature=temperature, seed=7)["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"].startswith("This is the small demo model. It ")
    assert choice["message"]["content"].endswith("; it was written by a program and knows nothing.")


def test_a_stream_says_the_same_and_ends_with_usage(small: EmbeddedLlama) -> None:
    """With include_usage the last chunk before [DONE] has the counts and no choices."""
    body = {
        "messages": [{"role": "user", "content": "Hello!"}],
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    status, text = ask(small, "POST", "/v1/chat/completions", body)
    assert status == 200
    *frames, done, _ = [frame.removeprefix("data: ") for frame in text.split("\n\n")]
    chunks = [json.loads(frame) for frame in frames]
    deltas = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert done == "[DONE]"
    assert "".join(delta or "" for delta in deltas) == SAYS["demo-small"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 23


@pytest.mark.parametrize(
    ("prompt", "two", "three"),
    [
        ("please debug this deadlock", "pro", "complex"),
        ("tell me a joke", "flash", "simple"),
        ("xyz", "flash", "medium"),
        ("Hello, hi, thanks. " * 20 + "and so on, " * 60 + "Now prove the algorithm.", "pro", "complex"),
    ],
)
def test_a_json_schema_is_kept_and_keywords_decide(small: EmbeddedLlama, prompt: str, two: str, three: str) -> None:
    """The demo models classify, by the keywords they know, recent ones more: enough to show a local judge."""
    assert label(small, prompt, "flash", "pro") == two
    assert label(small, prompt, "simple", "medium", "complex") == three


def test_any_json_object_is_one_that_ends(small: EmbeddedLlama) -> None:
    """Without a schema the object is short and valid."""
    reply = chat(small, response_format={"type": "json_object"})
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"demo text": "demo text"}


def test_a_required_tool_is_called_with_arguments_that_fit(servers: list[EmbeddedLlama]) -> None:
    """The grammar made from the tool's schema leads the model; exactly one call comes."""
    for llama in servers:
        choice = chat(llama, tools=[READ_FILE], tool_choice="required")["choices"][0]
        (call,) = choice["message"]["tool_calls"]
        assert choice["finish_reason"] == "tool_calls"
        assert call["function"]["name"] == "read_file"
        assert json.loads(call["function"]["arguments"]) == {"path": "demo text", "lines": 1}


def test_a_streamed_tool_call_adds_up(small: EmbeddedLlama) -> None:
    """The pieces of the arguments are one JSON object."""
    body = {"messages": [{"role": "user", "content": "Hello!"}], "temperature": 0, "stream": True}
    status, text = ask(small, "POST", "/v1/chat/completions", body | {"tools": [READ_FILE], "tool_choice": "required"})
    assert status == 200
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in text.split("\n\n")[:-2]]
    pieces = [call["function"] for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls") or []]
    assert pieces[0]["name"] == "read_file"
    assert json.loads("".join(piece["arguments"] for piece in pieces)) == {"path": "demo text", "lines": 1}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_tools_are_not_called_unasked_and_results_are_answered(small: EmbeddedLlama) -> None:
    """In "auto" a demo model answers in words, also after a result: no agent is led to run made-up arguments."""
    assert chat(small, tools=[READ_FILE])["choices"][0]["message"]["content"] == SAYS["demo-small"]
    call = {"id": "1", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "a", "lines": 1}'}}
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Read a."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "ok"},
    ]
    assert chat(small, messages=turns, tools=[READ_FILE])["choices"][0]["message"]["content"] == SAYS["demo-small"]


def test_llama_cpp_takes_a_named_function_for_auto(small: EmbeddedLlama) -> None:
    """A fact adapters rely on: expected a call of that function, actual none. Send "required" and one tool."""
    named = {"type": "function", "function": {"name": "read_file"}}
    message = chat(small, tools=[READ_FILE, OTHER], tool_choice=named)["choices"][0]["message"]
    assert message.get("tool_calls") is None


def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(small: EmbeddedLlama) -> None:
    """So that a router can go on to a model with a larger window."""
    body = {"messages": [{"role": "user", "content": "hi " * 3000}]}
    status, text = ask(small, "POST", "/v1/chat/completions", body)
    error = json.loads(text)["error"]
    assert (status, error["type"], error["n_ctx"]) == (400, "exceed_context_size_error", 2048)
    assert error["n_prompt_tokens"] > 3000


def test_embeddings_of_texts_with_the_same_words_are_close(models: tuple[DemoModel, ...]) -> None:
    """A model started for embedding gives one unit vector per text."""
    with EmbeddedRuntime() as runtime:
        llama = runtime.start(ModelFile(path=models[0].path, alias="embed", threads=1, embedding=True))
        texts = ["debug the deadlock please", "please debug the deadlock", "weather in the capital"]
        status, text = ask(llama, "POST", "/v1/embeddings", {"input": texts})
    assert status == 200
    first, same, other = [item["embedding"] for item in json.loads(text)["data"]]
    assert len(first) == 256

    def likeness(left: list[float], right: list[float]) -> float:
        return sum(a * b for a, b in zip(left, right, strict=True))

    assert likeness(first, first) == pytest.approx(1)
    assert likeness(first, same) > 0.9
    assert likeness(first, other) < 0.7


def test_stopping_frees_the_port(models: tuple[DemoModel, ...]) -> None:
    """After the context nothing listens, even with an idle connection open; stopping twice is fine."""
    with EmbeddedRuntime() as runtime:
        llama = runtime.start(ModelFile(path=models[0].path, alias="a", threads=1))
        idle = socket.create_connection(("127.0.0.1", urlsplit(llama.base_url).port or 0))
        assert list(runtime) == [llama]
    assert not llama.is_running
    assert list(runtime) == []
    assert llama.stop()
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        ask(llama, "GET", "/health")


def test_stopping_under_load_gives_up_instead_of_hanging(models: tuple[DemoModel, ...]) -> None:
    """llama.cpp would block for ever on a request under way; the caller is told, and the request still finishes."""
    with EmbeddedRuntime() as runtime:
        llama = runtime.start(ModelFile(path=models[2].path, alias="busy", threads=1))
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(llama.base_url).port, timeout=30)
        body = json.dumps({"prompt": "Hello", "ignore_eos": True, "n_predict": 1500, "stream": True})
        connection.request("POST", "/completion", body)
        response = connection.getresponse()
        response.readline()
        assert not llama.stop(grace_s=0.05)
        assert not llama.is_running
        assert b'"stop":true' in response.read()
        connection.close()


def test_two_models_cannot_share_an_alias(models: tuple[DemoModel, ...]) -> None:
    """The alias is how a caller names the model; after a stop it is free again."""
    model = ModelFile(path=models[0].path, alias="twin", threads=1)
    with EmbeddedRuntime() as runtime:
        first = runtime.start(model)
        with pytest.raises(ConfigError, match=r"'twin' is already running\. Give each model its own alias\."):
            runtime.start(model)
        first.stop()
        assert runtime.start(model).is_running


@pytest.mark.parametrize("field", ["context_tokens", "parallel_slots", "threads"])
def test_a_count_below_one_is_refused(models: tuple[DemoModel, ...], field: str) -> None:
    """Zero slots would be "as many as you like" to llama.cpp; here it is a mistake."""
    good = ModelFile(path=models[0].path, alias="none")
    model = dataclasses.replace(good, **{field: 0})  # type: ignore[arg-type]  # all three are whole numbers
    with pytest.raises(ConfigError, match=rf"'none' has {field} 0\. It must be at least 1\."):
        EmbeddedRuntime().start(model)


def test_a_model_may_be_kept_off_the_gpu(models: tuple[DemoModel, ...]) -> None:
    """No layers there is a choice; fewer than none would be one of llama.cpp's codes, and is a mistake here."""
    model = ModelFile(path=models[0].path, alias="layers", threads=1, gpu_layers=0)
    with EmbeddedRuntime() as runtime:
        assert runtime.start(model).is_running
        with pytest.raises(ConfigError, match=r"'layers' has gpu_layers -1\. It must be at least 0\."):
            runtime.start(dataclasses.replace(model, gpu_layers=-1))


@pytest.mark.parametrize(("given", "taken"), [(None, -1), (0, 0), (7, 7)])
def test_gpu_layers_are_handed_to_llama_cpp(given: int | None, taken: int) -> None:
    """-1 is its own choice. Seen in its parameters: what they do shows only where there is a GPU."""
    xllamacpp = importlib.import_module("xllamacpp")
    params: Any = embedded_llama._params(xllamacpp, ModelFile(path=Path("x"), alias="x", gpu_layers=given), 64, -1)
    assert params.n_gpu_layers == taken


def test_a_window_is_never_larger_than_the_model_knows(models: tuple[DemoModel, ...]) -> None:
    """Asking for two thousand million tokens would be allocated; the model's own window is what is served."""
    with EmbeddedRuntime() as runtime:
        model = ModelFile(path=models[0].path, alias="wide", threads=1, context_tokens=2**31 - 1, parallel_slots=2)
        llama = runtime.start(model)
        slots = json.loads(ask(llama, "GET", "/slots")[1])
    assert (llama.context_tokens, [slot["n_ctx"] for slot in slots]) == (2048, [2048, 2048])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Not a crash of the process, not a bare "failed to init"."""
    with pytest.raises(ConfigError, match=r"The model file .*none\.gguf cannot be read: No such file or directory"):
        EmbeddedRuntime().start(ModelFile(path=tmp_path / "none.gguf", alias="x"))


@pytest.mark.parametrize(
    ("old", "new", "architecture"),
    [
        (b"llama", b"lxama", "lxama"),
        (b"blk.0.attn_q.weight", b"blk.0.attn_X.weight", "llama"),
        (b"tokenizer.ggml.tokens", b"tokenizer.ggml.tokenX", "llama"),
        (b"{%- if tools", b"{%- if )))))", "llama"),
    ],
)
def test_a_file_llama_cpp_refuses_is_named(
    models: tuple[DemoModel, ...], tmp_path: Path, old: bytes, new: bytes, architecture: str
) -> None:
    """The header is whole, what it describes is not usable: an error, and the process lives."""
    path = tmp_path / "odd.gguf"
    path.write_bytes(models[0].path.read_bytes().replace(old, new))
    with pytest.raises(RuntimeUnavailable, match=rf"could not load .*odd\.gguf \(architecture '{architecture}'\)"):
        EmbeddedRuntime().start(ModelFile(path=path, alias="odd", threads=1))


def test_without_xllamacpp_it_says_what_to_install(
    models: tuple[DemoModel, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with pointsman[local]; a plain install says so."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(RuntimeUnavailable, match=r'not installed\. Install it with: pip install "pointsman\[local\]"'):
        EmbeddedRuntime().start(ModelFile(path=models[0].path, alias="x"))


SCRIPT = """
import socket, sys
from pathlib import Path
from urllib.parse import urlsplit
from pointsman.adapters.runtimes.embedded_llama import EmbeddedRuntime, ModelFile
runtime = EmbeddedRuntime()
llama = runtime.start(ModelFile(path=Path(sys.argv[1]), alias="small", threads=1))
way = sys.argv[2]
if way == "busy":
    body = '{"prompt": "Hello", "ignore_eos": true, "n_predict": 1900, "stream": true}'
    connection = socket.create_connection(("127.0.0.1", urlsplit(llama.base_url).port))
    head = f"POST /completion HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
    connection.sendall((head + body).encode())
    connection.recv(1)
    llama.stop(grace_s=0)
if way == "closed":
    runtime.close()
if way == "error":
    sys.exit("boom")
print("bye")
"""


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ("closed", (0, "bye\n", "")),
        ("running", (0, "bye\n", "")),
        ("busy", (0, "bye\n", "")),
        ("error", (1, "", "boom\n")),
    ],
)
def test_the_process_ends_at_once_and_quietly(
    models: tuple[DemoModel, ...], way: str, outcome: tuple[int, str, str]
) -> None:
    """Native threads do not hold up the exit, its code is kept, and llama.cpp's own log is silent."""
    command = [sys.executable, "-c", SCRIPT, str(models[0].path), way]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == outcome
