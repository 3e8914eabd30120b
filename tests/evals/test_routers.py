"""Whom one can measure, and what is said when a router does not answer properly."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.chat import ChatRequest
from pointsman.core.decision import Decision
from pointsman.core.errors import InvalidRequest, NoModelAvailable, PointsmanError
from pointsman.core.jsontypes import JsonObject
from pointsman.evals.datasets import Row
from pointsman.evals.routers import Answer, Command, always, chance, compat, length, ours, request_of

ROWS = (Row(id="a", request={"prompt": "hello"}, text="hello"), Row(id="b", request={"prompt": "hi"}, text="hi"))


def ignored(_more: int) -> None:
    """No bar."""


def program(tmp_path: Path, text: str) -> Command:
    """A router of its own process."""
    path = tmp_path / "router.py"
    path.write_text(text, encoding="utf-8")
    return Command(f"{sys.executable} {path}", timeout_s=20)


def test_simple_routers_order_as_they_say() -> None:
    """Length by characters; chance and always not at all; LiteLLM's score is not cut off at 0."""
    assert [answer.score for answer in length().answers(ROWS, ignored)] == [5, 2]
    assert {answer.score for answer in chance().answers(ROWS, ignored)} == {0}
    assert always("m").answers(ROWS, ignored)[0] == Answer(score=0, model="m")
    scored = compat().answers(ROWS, ignored)[0]
    assert scored.score == pytest.approx(-0.15)
    assert scored.tier is Tier.SIMPLE


def test_ours_counts_a_refusal_as_one_for_the_strongest() -> None:
    """And as nobody's choice."""

    def refuse(_request: ChatRequest) -> Decision:
        raise NoModelAvailable("Nobody is there.")

    assert ours(refuse).answers(ROWS[:1], ignored) == [Answer(score=1, is_refused=True)]


def test_a_program_is_asked_over_its_standard_streams(tmp_path: Path) -> None:
    """In any order; what else it says of an id is taken, other keys are ignored."""
    text = (
        "import json, sys\n"
        "for line in reversed(list(sys.stdin)):\n"
        "    row = json.loads(line)\n"
        "    extra = {'tier': 'complex', 'model': 'm', 'confidence': 1, 'probabilities': {'m': .5}, 'why': 0}\n"
        "    print(json.dumps({'id': row['id'], 'score': len(row['prompt'])} | (extra if row['id'] == 'a' else {})))\n"
    )
    told: list[int] = []
    assert program(tmp_path, text).answers(ROWS, told.append) == [
        Answer(score=5, tier=Tier.COMPLEX, model="m", confidence=1.0, probabilities={"m": 0.5}),
        Answer(score=2),
    ]
    assert told == [2]


def test_half_a_surrogate_pair_reaches_a_program(tmp_path: Path) -> None:
    """JSON can say it, and UTF-8 cannot."""
    row = Row(id="a", request={"prompt": "\ud83d?"}, text="\ud83d?")
    text = "import json, sys\nrow = json.load(sys.stdin)\nprint(json.dumps({'id': 'a', 'score': len(row['prompt'])}))\n"
    assert program(tmp_path, text).answers([row], ignored) == [Answer(score=2)]


def test_a_tier_alone_is_a_score_too(tmp_path: Path) -> None:
    """Its rank, of 3."""
    text = 'for id in \'ab\': print(\'{"id": "%s", "tier": "complex"}\' % id)'
    assert [answer.score for answer in program(tmp_path, text).answers(ROWS, ignored)] == [2 / 3, 2 / 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise SystemExit('out of luck')", "ended with code 1: out of luck"),
        ("raise SystemExit(3)", "ended with code 3: it said nothing"),
        ('print(\'{"id": "a", "score": 1}\')', "gave no answer for 1 ids, such as 'b'."),
        ("print('no')", "line 1 of its output is no JSON"),
        ("print('[]')", "line 1 of its output should be an object with `id` and `score`; it is []"),
        ('print(\'{"id": "a", "score": "x"}\')', "score should be a number; it is 'x'."),
        ('print(\'{"id": "a", "score": NaN}\')', "score should be a number; it is nan."),
        ('print(\'{"id": "a", "score": 1, "confidence": 2}\')', "confidence should be from 0 to 1; it is 2."),
        ('print(\'{"id": "a", "score": 1, "probabilities": 2}\')', "probabilities should be an object"),
    ],
)
def test_a_program_that_fails_is_quoted(tmp_path: Path, text: str, message: str) -> None:
    """How it ended, or which line is wrong."""
    with pytest.raises(PointsmanError) as caught:
        program(tmp_path, text).answers(ROWS, ignored)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [("/no/such/program", "cannot be started"), ("", "a command line should follow"), ("'", "this is no command line")],
)
def test_what_cannot_be_started_says_why(line: str, message: str) -> None:
    """Before anything is sent."""
    with pytest.raises(PointsmanError, match=message):
        Command(line).answers(ROWS, ignored)


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    """After its time."""
    command = Command(program(tmp_path, "import threading; threading.Event().wait()").line, timeout_s=0.2)
    with pytest.raises(PointsmanError, match=r"did not end in 0\.2 s"):
        command.answers(ROWS, ignored)


@pytest.mark.parametrize(
    ("request_", "tools"),
    [
        ({"prompt": "x"}, 0),
        ({"prompt": "x", "n_tools": 3}, 3),
        ({"prompt": "x", "tools": [{"type": "function", "function": {"name": "f"}}], "n_tools": 3}, 1),
        ({"messages": [{"role": "user", "content": "x"}]}, 0),
    ],
)
def test_rows_become_requests(request_: JsonObject, tools: int) -> None:
    """Prompts and messages, tools or their number."""
    made = request_of(Row(id="1", request=request_, text="x"))
    assert (len(made.messages), len(made.tools)) == (1, tools)


def test_a_row_that_is_no_request_is_named() -> None:
    """By its id."""
    with pytest.raises(InvalidRequest, match="The line with id '7': "):
        request_of(Row(id="7", request={"messages": [{"role": "nobody", "content": "x"}]}, text="x"))
