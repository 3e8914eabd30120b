"""`pointsman route`: decisions without a call, for people and for programs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.conftest import MODELS, Run

CODE = "Write a Python function and debug the class."
CONTRACT = {"model", "tier", "score", "confidence", "strategy", "reason", "privacy", "struck", "trail", "elapsed_us"}


def test_json_is_the_contracts_object_and_nothing_else(run: Run, configured: Path) -> None:
    """One object on one line, with every promised field; stderr stays empty."""
    done = run("route", "--json", CODE)
    found = json.loads(done.out)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    assert found.keys() >= CONTRACT
    assert (found["model"], found["tier"], found["strategy"]) == ("heavy", "complex", "learned")
    assert (found["privacy"]["class"], found["catalog"], found["asked_by"]) == ("public", "configured", "default")


def test_a_person_sees_the_choice_what_spoke_for_it_and_who_was_struck_out(run: Run, compat: Path) -> None:
    """Dimensions with their evidence, the next candidates, the models that may not."""
    done = run("route", "--private", "hello there")
    lines = [line for line in done.out.splitlines() if not line.startswith(("took", "trail", "   "))]
    assert done.code == 0
    assert lines == [
        "quick  simple · local · by complexity",
        "why         score -0.150 → simple",
        "confidence  1.00",
        "privacy     private (flag)",
        "then        heavy",
        "struck out  cloud  privacy: the request is private (flag) and this model is not local",
    ]
    assert "tokenCount        -0.100  ██  short: 2 tokens" in done.out
    assert "simpleIndicators  -0.050  █   hello" in done.out


def test_a_person_sees_what_the_classifier_expects(run: Run, configured: Path) -> None:
    """Why this tier, the kind of task, everybody's chance of doing it well, the length of the answer."""
    done = run("route", "What is the capital of France?")
    head, *lines = done.out.splitlines()
    facts = {label.strip(): fact for label, fact in ((line[:12], line[12:]) for line in lines)}
    assert head == "quick  simple · local · by learned"
    assert facts["why"].startswith("questions: simple does it well with 0.")
    assert facts["why"].endswith(", 0.70 is asked")
    assert facts["task"].startswith("questions, difficulty -")
    assert [word for word in facts["done well"].split() if word.isalpha()] == [
        *("simple", "medium", "complex", "reasoning"),
    ]
    assert facts["answer"].endswith(" tokens")


def test_with_nothing_configured_the_shipped_catalog_decides_and_says_so(run: Run) -> None:
    """Both a person and a program can tell."""
    done = run("route", "--json", "hello")
    assert done.err == "note: no model is configured, so this decides over the shipped default catalog\n"
    assert json.loads(done.out)["catalog"] == "default"


def test_a_name_before_the_prompt_picks_a_model(run: Run, configured: Path) -> None:
    """As in a chat; what names nobody is text, and so is what comes from a pipe."""
    picked = json.loads(run("route", "--json", "@cloud hello").out)
    assert (picked["model"], picked["strategy"], picked["asked_by"]) == ("cloud", "explicit", "@cloud")
    piped = [run("route", "--json", *words, stdin="@cloud hello") for words in ((), ("-",))]
    for done in (run("route", "--json", "@property hello"), *piped):
        assert json.loads(done.out)["strategy"] == "learned"


def test_standard_input_is_the_prompt(run: Run, configured: Path) -> None:
    """With `-`, and without any argument in a pipe."""
    by_dash = run("route", "--json", "-", stdin=CODE)
    by_pipe = run("route", "--json", stdin=CODE)
    assert json.loads(by_dash.out)["tier"] == json.loads(by_pipe.out)["tier"] == "complex"


@pytest.mark.parametrize(
    ("args", "env", "said_by"),
    [
        (("-m", "heavy"), {"POINTSMAN_MODEL": "cloud"}, "flag --model"),
        ((), {"POINTSMAN_MODEL": "heavy", "GEMINI_MODEL": "cloud"}, "env POINTSMAN_MODEL"),
        ((), {"GEMINI_MODEL": "big"}, "env GEMINI_MODEL"),
    ],
)
def test_the_flag_beats_the_variables_and_the_level_is_named(
    run: Run, configured: Path, args: tuple[str, ...], env: dict[str, str], said_by: str
) -> None:
    """--model > POINTSMAN_MODEL > GEMINI_MODEL; the model is the one asked for."""
    found = json.loads(run("route", "--json", *args, "hello", env=env).out)
    assert (found["model"], found["strategy"], found["asked_by"]) == ("heavy", "explicit", said_by)


def test_an_unknown_model_is_refused_with_the_nearest_names(run: Run, configured: Path) -> None:
    """Never replaced in silence."""
    done = run("route", "--model", "quik", "hello")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: --model: no model is called 'quik'; did you mean quick?\nhint: See pointsman route --help.\n"
    )


def test_an_unknown_model_from_a_variable_names_the_variable(run: Run, configured: Path) -> None:
    """So that one knows where to look."""
    done = run("route", "hello", env={"GEMINI_MODEL": "zzzzzz"})
    assert done.code == 2
    assert done.err.startswith("error: GEMINI_MODEL: no model is called 'zzzzzz'; there are auto, quick, heavy, cloud")


def test_a_model_that_privacy_strikes_out_is_refused_aloud(run: Run, configured: Path) -> None:
    """Exit code 5 and the reason; a flag cannot outvote a constraint."""
    done = run("route", "--private", "--model", "cloud", "hello")
    assert (done.code, done.out) == (5, "")
    assert done.err == (
        "error: Model 'cloud' may not take this request (privacy: the request is private (flag) and this model is "
        "not local).\nhint: Ask for `auto` to let another do it.\n"
    )


@pytest.mark.parametrize(
    ("args", "stdin", "message"),
    [
        (("route", " "), "", "error: The prompt is empty."),
        (("route", "-"), "", "error: The prompt is empty."),
        (("route", "-"), b"\xff", "error: Standard input is no UTF-8 text (byte 0)."),
        (("route", "a", "--data", "f"), "", "error: Give PROMPT or --data, not both."),
        (("route", "--data", "none.jsonl"), "", "error: none.jsonl: cannot be read (No such file or directory)."),
        (("route", "--tier", "huge", "a"), "", "error: Invalid value for '--tier': 'huge' is not one of"),
    ],
)
def test_bad_usage_says_what_is_wrong(
    run: Run, configured: Path, args: tuple[str, ...], stdin: str | bytes, message: str
) -> None:
    """Exit code 2, one line of reason, nothing on stdout."""
    done = run(*args, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)


def test_data_gives_a_line_for_each_line_with_its_id(run: Run, folder: Path, configured: Path) -> None:
    """Prompts and messages, tools or their number, which have a floor, blank lines between; a summary on stderr."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": CODE}]
    lines = [
        {"id": "a", "prompt": "hello"},
        {"id": 2, "messages": messages},
        {"prompt": "hello", "n_tools": 3},
    ]
    data = folder / "prompts.jsonl"
    data.write_text("\n\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    done = run("route", "--json", "--data", "prompts.jsonl")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["id"], one["tier"]) for one in found] == [("a", "simple"), (2, "complex"), (None, "complex")]
    assert all(CONTRACT | {"decision_id", "catalog"} <= one.keys() for one in found)
    assert (done.code, done.err) == (0, "3 prompts: 2 complex, 1 simple\n")


def test_every_line_has_numbers_whoever_decided(run: Run, folder: Path, configured: Path) -> None:
    """Nothing asked: the default tier's place, and no confidence; an errand: the lowest place, and all confidence."""
    asked = {"a": " ", "b": "### Task:\nGenerate a concise title for the chat", "c": "hello"}
    (folder / "p.jsonl").write_text(
        "".join(json.dumps({"id": id_, "prompt": prompt}) + "\n" for id_, prompt in asked.items()), encoding="utf-8"
    )
    found = [json.loads(line) for line in run("route", "--json", "--data", "p.jsonl").out.splitlines()]
    assert [(one["strategy"], one["tier"], one["score"], one["confidence"]) for one in found[:2]] == [
        ("default", "complex", 0.66667, 0.0),
        ("utility", "simple", 0.0, 1.0),
    ]
    assert 0 < found[2]["score"] < 1
    assert 0 < found[2]["confidence"] < 1
    named = json.loads(run("route", "--json", "--tier", "complex", "hello").out)
    assert (named["strategy"], named["score"], named["confidence"]) == ("tier", 0.66667, 1.0)


def test_data_may_be_packed(run: Run, folder: Path, configured: Path) -> None:
    """As `pointsman eval` takes it; a broken file is named."""
    packed = gzip.compress(b'{"id": "a", "prompt": "hello"}\n{"id": "b", "prompt": "hello"}\n')
    (folder / "p.jsonl.gz").write_bytes(packed)
    assert [line[0] for line in run("route", "--data", "p.jsonl.gz").out.splitlines()] == ["a", "b"]
    (folder / "p.jsonl.gz").write_bytes(packed[:-9])
    done = run("route", "--data", "p.jsonl.gz")
    assert done.code == 2
    assert done.err.startswith("error: p.jsonl.gz: cannot be unpacked (")


def test_data_for_a_person_is_a_table_of_columns(run: Run, folder: Path, compat: Path) -> None:
    """Separated by tabs, for cut and sort."""
    (folder / "prompts.jsonl").write_text('{"id": "a", "prompt": "hello"}\n', encoding="utf-8")
    assert run("route", "--data", "prompts.jsonl").out == "a\tsimple\tquick\t0.000\tcomplexity\n"


def test_a_refusal_is_the_answer_of_its_line(run: Run, folder: Path, configured: Path) -> None:
    """The other lines are decided, and the exit code tells."""
    (folder / "prompts.jsonl").write_text('{"id": "a", "prompt": "hello"}\n', encoding="utf-8")
    done = run("route", "--json", "--private", "--model", "cloud", "--data", "prompts.jsonl")
    assert done.code == 5
    assert json.loads(done.out)["error"]["code"] == "refused_by_policy"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "This is no JSON (Expecting property name enclosed in double quotes at column 2)."),
        ("[]", "The line should hold a JSON object."),
        ('{"id": "b"}', "The line needs `prompt` (a text) or `messages` (a list)."),
        ('{"prompt": "x", "n_tools": -1}', "n_tools should be a number from 0 to 10000."),
    ],
)
def test_a_bad_line_is_named_by_its_number(run: Run, folder: Path, configured: Path, line: str, reason: str) -> None:
    """What came before it has been printed."""
    (folder / "prompts.jsonl").write_text(f'{{"prompt": "hello"}}\n{line}\n', encoding="utf-8")
    done = run("route", "--data", "prompts.jsonl")
    assert done.code == 2
    assert done.out.count("\n") == 1
    assert done.err.splitlines() == [
        f"error: prompts.jsonl:2: {reason}",
        'hint: A line looks like this: {"id": "1", "prompt": "What is 2+2?"}',
    ]


def test_it_decides_as_for_an_agent(run: Run, folder: Path) -> None:
    """By the agent's rule; nobody without a name is one."""
    (folder / "pointsman.yaml").write_text(f"{MODELS}agents: {{'bee*': complex}}\n", encoding="utf-8")
    found = [json.loads(run("route", "--json", *given, "hello").out) for given in ([], ["--agent", "Bee 1"])]
    assert [one["strategy"] == "agent" for one in found] == [False, True]
    assert found[1]["tier"] == "complex"
