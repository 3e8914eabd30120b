"""`pointsman eval`: figures of routers for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.pseudo_terminal import Terminal
from tests.evals.synthetic import lines, written

FEW = ("--resamples", "50")


@pytest.fixture
def data(folder: Path) -> Path:
    """Forty prompts: the long half needs the strong model."""
    return written(folder / "f.jsonl", lines())


def test_a_person_gets_tables(run: Run, configured: Path, data: Path) -> None:
    """The routers, their mean, each comparison, their choices; nothing on stderr."""
    routers = ("--router", "length", "--router", "random", "--router", "always:large")
    done = run("eval", "--data", "f.jsonl", *FEW, *routers)
    shown = [line.rstrip() for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert shown[0] == "40 prompts of f.jsonl; 50 draws, seed 0"
    assert "source  weak   strong   n    gap   length   random" in shown
    assert "made    small  large   40  0.500  0.750 ↑    0.500" in shown
    assert any(line.startswith("random    0.500  0.500 … 0.500    50 %    80 %  0.750  +0.250 ") for line in shown)
    assert any(line.startswith("made    always:large    1.000         0.000  0.000 … 0.000") for line in shown)


def test_a_program_gets_json_and_nothing_else(run: Run, configured: Path, data: Path) -> None:
    """With every usual router in it, the chain in force first."""
    done = run("eval", "--data", "f.jsonl", "--json", *FEW)
    found = json.loads(done.out)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    usual = ["pointsman", "litellm-compat", "length", "random"]
    assert list(found["means"]) == [*usual, "oracle"]  # no other model says how difficult they are
    assert list(found["routers"]) == [*usual, "always:small", "always:large"]
    assert found["pairs"][0]["routers"]["length"]["apgr"]["value"] == 0.75
    assert {one["router"] for one in found["choices"]} >= {"pointsman", "oracle", "always:small"}
    assert (found["rows"], found["seed"], found["resamples"], found["models"]) == (40, 0, 50, ["small", "large"])


def test_the_classifiers_chances_are_what_is_held_against_outcomes(run: Run, configured: Path, data: Path) -> None:
    """Not its confidence, which is of the tier: two models, forty prompts."""
    done = run("eval", "--data", "f.jsonl", "--json", "--router", "pointsman", *FEW)
    (found,) = json.loads(done.out)["calibration"]
    assert (found["of"], found["n"]) == ("probability", 80)


@pytest.mark.e2e
def test_a_narrow_terminal_gets_the_choices_whole(
    folder: Path, environ: Mapping[str, str], configured: Path, data: Path
) -> None:
    """Three tables for the choices; nothing is cut off, and nothing is too wide."""
    routers = ("--router", "length", "--router", "always:large")
    with Terminal(folder, environ, "eval", "--data", "f.jsonl", *FEW, *routers, columns=80) as terminal:
        code, said = terminal.end()
    shown = [line.rstrip() for line in said.splitlines()]
    assert code == 0
    assert "source  router        quality  over control           95 %" in shown
    assert "made    always:large    1.000         0.000  0.000 … 0.000" in shown
    assert "source  router        $ per 1,000  over a mix  arena  Opt.Sel" in shown
    assert "made    always:large  large 100" in shown
    assert max(map(len, shown)) <= 80


def test_the_shipped_catalog_decides_where_nothing_is_configured(run: Run, data: Path) -> None:
    """And says so."""
    done = run("eval", "--data", "f.jsonl", "--router", "pointsman", *FEW)
    assert done.code == 0
    assert done.err == "note: no model is configured, so this decides over the shipped default catalog\n"


def test_a_program_can_be_measured(run: Run, data: Path, folder: Path) -> None:
    """As a command line, without a shell."""
    (folder / "mine.py").write_text(
        "import json, sys\n"
        "for row in map(json.loads, sys.stdin): print(json.dumps({'id': row['id'], 'score': -len(row['prompt'])}))\n",
        encoding="utf-8",
    )
    line = f"command:{sys.executable} mine.py"
    found = json.loads(run("eval", "--data", "f.jsonl", "--json", "--router", line, *FEW).out)
    assert found["means"][line]["apgr"]["value"] == 0.25
    assert found["means"][line]["below"] == ["made small/large"]


def test_a_sample_and_a_chart(run: Run, data: Path, folder: Path) -> None:
    """Half of the prompts, drawn as SVG."""
    done = run("eval", "--data", "f.jsonl", "--sample", "36", "--svg", "c.svg", "--json", "--router", "length", *FEW)
    assert (done.code, done.err) == (0, "wrote c.svg\n")
    assert json.loads(done.out)["rows"] == 36
    assert (folder / "c.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_prompts_can_be_said_in_another_way(run: Run, configured: Path, data: Path) -> None:
    """For robustness, and for nothing else."""
    args = ("eval", "--data", "f.jsonl", "--json", "--router", "always:large", "--router", "litellm-compat", *FEW)
    plain, found = json.loads(run(*args).out), json.loads(run(*args, "--perturb").out)
    assert found["routers"]["always:large"]["robustness"] == 1
    assert 30 < found["routers"]["litellm-compat"]["n_variants"] <= 40
    assert plain["routers"]["litellm-compat"]["robustness"] is None
    assert (found["pairs"], found["choices"]) == (plain["pairs"], plain["choices"])


def test_costs_can_be_said(run: Run, folder: Path) -> None:
    """For a file without them."""
    written(folder / "f.jsonl", [{key: value for key, value in line.items() if key != "cost"} for line in lines()])
    args = ("eval", "--data", "f.jsonl", "--json", "--router", "always:large", *FEW)
    found = json.loads(run(*args, "--cost", "small=0.001", "--cost", "large=0.02").out)
    assert found["choices"][0]["usd_per_1k"] == 20
    assert json.loads(run(*args).out)["choices"][0]["usd_per_1k"] is None


def test_labels_alone_are_enough(run: Run, folder: Path) -> None:
    """For the agreement with tiers that somebody said."""
    written(
        folder / "f.jsonl",
        [{"id": tier, "prompt": "x" * at, "tier": tier} for at, tier in enumerate(("simple", "medium", "complex"), 1)],
    )
    done = run("eval", "--data", "f.jsonl", "--router", "length", *FEW)
    assert done.out.splitlines()[-2:] == [
        "source  router  n    rho  exact  two tiers too low",
        "all     length  3  1.000      –                  –",
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "error: No request is recorded yet."),
        (("--data", "none.jsonl"), "error: none.jsonl: cannot be read (No such file or directory)."),
        (
            ("--data", "f.jsonl", "--router", "best"),
            "error: --router: there is no router 'best'; there are po",
        ),
        (("--data", "f.jsonl", "--router", "always:x"), "error: --router: 'always:x' names no model of the file's; "),
        (("--data", "f.jsonl", "--router", "command:"), "error: command:: a command line should follow"),
        (("--data", "f.jsonl", "--models", "small,x"), "error: --models: the file has no outcomes of 'x'"),
        (
            ("--data", "f.jsonl", "--cost", "small"),
            "error: --cost should be MODEL=USD, such as small=0.0002; it is",
        ),
        (("--data", "f.jsonl", "--cost", "small=nan"), "error: --cost should be MODEL=USD"),
        (("--data", "f.jsonl", "--router", "length", "--svg", "no/c.svg"), "error: --svg: no/c.svg cannot be written"),
        (
            ("--data", "f.jsonl", "--router", "length", "--sample", "5", "--svg", "c.svg"),
            "error: --svg: no two models could be compared, so c.svg is not written.",
        ),
    ],
)
def test_bad_usage_says_what_is_wrong(
    run: Run, configured: Path, data: Path, args: tuple[str, ...], message: str
) -> None:
    """Exit code 2, one line of reason, nothing on stdout."""
    done = run("eval", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)


@pytest.mark.e2e
def test_a_person_sees_bars_that_go_when_it_is_done(folder: Path, environ: Mapping[str, str], data: Path) -> None:
    """Reading, asking, comparing; then the tables."""
    with Terminal(folder, environ, "eval", "--data", "f.jsonl", "--router", "length", *FEW) as terminal:
        code, _ = terminal.end()
        assert code == 0
        assert [word in terminal.said for word in ("reading", "asking", "comparing", "APGR by comparison")] == [
            True
        ] * 4


@pytest.mark.e2e
def test_a_narrow_terminal_gets_whole_figures(folder: Path, environ: Mapping[str, str], data: Path) -> None:
    """Fewer columns and more tables, rather than figures cut off."""
    with Terminal(folder, environ, "eval", "--data", "f.jsonl", *FEW, columns=80) as terminal:
        code, said = terminal.end()
    assert code == 0
    assert "router             APGR           95 %  CPT 80  " in said
    assert "pointsman ahead by\r\n" in said
    assert said.count("APGR by comparison") == 3
    assert "random            0.500  0.500 … 0.500    80 %" in said
