"""What is said to the gateway and heard from it, in no API's words: the callers turn it into each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, TypeAlias
from urllib.parse import urlsplit

Body: TypeAlias = dict[str, Any]
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The user's words, and an image (PNG) and a file (PDF) shown with them, both in base64."""

    text: str
    png: str | None = None
    pdf: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a tool gave back for the call `call_id` of the tool `name`."""

    call_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeard:
    """A tool call as it arrived."""

    id: str
    name: str
    arguments: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer as the surface's own words carried it; `echo` is what goes into the next turn's history.

    `end` is stop, calls, length, or filter. `cached`, `reasoning` are None where the surface cannot say them.
    """

    text: str = ""
    thinking: str = ""
    calls: tuple[CallHeard, ...] = ()
    end: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached: int | None = None
    reasoning: int | None = None
    echo: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One request. `choice` is auto, none, any or a tool's name; `thinks` asks for thinking to be shown."""

    model: str
    turns: tuple[Said | Heard | tuple[Told, ...], ...]
    system: str | None = None
    tools: Mapping[str, Body] = field(default_factory=dict)
    choice: str | None = None
    one_call: bool = False
    schema: Body | None = None
    thinks: bool = False
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    temperature: float | None = None
    is_stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request in an API's words."""

    path: str
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of HTTP."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  any JSON
        """The body."""
        return json.loads(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client of one API, made of the four things one needs to be."""

    name: str
    request: Callable[[Talk], Sent]
    whole: Callable[[Body], Heard]
    stream: Callable[[bytes], Heard]
    error: Callable[[Body], str]  # the message in an error's body

    def ask(self, base_url: str, talk: Talk) -> tuple[Heard, Answer]:
        """What comes back; AssertionError with the error's body where it is one."""
        answer = self.send(base_url, talk)
        assert answer.status == 200, answer.data.decode()
        return (self.stream(answer.data) if talk.is_stream else self.whole(answer.json)), answer

    def send(self, base_url: str, talk: Talk) -> Answer:
        """What comes back, error or not."""
        return post(base_url, self.request(talk))


def post(base_url: str, sent: Sent) -> Answer:
    """One request on a connection of its own."""
    connection = HTTPConnection(urlsplit(base_url).netloc, timeout=TIMEOUT_S)
    try:
        headers = {"content-type": "application/json", **sent.headers}
        connection.request("POST", sent.path, json.dumps(sent.body, ensure_ascii=False).encode(), headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=found, data=response.read())
    finally:
        connection.close()


def events(data: bytes) -> list[tuple[str | None, str]]:
    """Server-sent events: name and data; comments are passed over."""
    found = []
    for frame in data.decode().replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(":") for line in frame.split("\n") if line and not line.startswith(":")]
        if fields:
            values = {name: value.removeprefix(" ") for name, _, value in fields}
            found.append((values.get("event"), values["data"]))
    return found


def joined(texts: Sequence[str | None]) -> str:
    """The texts, those that are none left out."""
    return "".join(text for text in texts if text)


def without_nothing(body: Mapping[str, Any]) -> Body:
    """*body* without what is None."""
    return {name: value for name, value in body.items() if value is not None}
