"""`pointsman calibrate`: a setting for a goal, as a table, JSON, YAML and a chart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.pseudo_terminal import Terminal
from tests.evals.synthetic import lines, written

FEW = ("--resamples", "20")
COMPAT = ("calibrate", "--data", "f.jsonl", "--router", "litellm-compat")


@pytest.fixture
def data(folder: Path) -> Path:
    """Two sources of forty prompts: the long half needs the strong model."""
    made = [line for source in ("first", "second") for line in lines(source=source)]
    for at, line in enumerate(made):
        line["prompt"] = f"{'Think step by step. ' if at % 2 else ''}{line['prompt']}"
    return written(folder / "f.jsonl", made)


def test_a_person_gets_what_to_expect_and_the_setting(run: Run, configured: Path, data: Path) -> None:
    """Held out by source, beside single models; the YAML is ready to copy."""
    done = run(*COMPAT, "--quality", "100%", *FEW)
    shown = [" ".join(line.split()) for line in done.out.splitlines()]
    assert done.code == 0
    assert shown[:2] == [
        "80 prompts of f.jsonl; scores of litellm-compat; 20 draws, seed 0",
        "a mean outcome of 1 at least; expected: held out by source",
    ]
    assert [line for line in shown if line.startswith("expected 1.000 1.000 … 1.000 5.5 ")]
    assert any(line.startswith("in force 0.500") and line.endswith("small 100") for line in shown)
    assert "No tier of `auto` has these models, so they stand for tiers by their order: small, large." in done.out
    assert "\nrouting:\n  tier_boundaries:\n    simple_medium: " in done.out


def test_a_program_gets_json(run: Run, data: Path) -> None:
    """With the YAML in it."""
    found = json.loads(run(*COMPAT, "--strong-share", "50%", "--json", *FEW).out)
    assert found["goal"] == {"aim": "strong_share", "value": 0.5}
    assert (found["held_out"]["shares"], found["split"]) == ({"small": 0.5, "large": 0.5}, "by source")
    assert found["yaml"].startswith("routing:\n  tier_boundaries:\n")


def test_the_setting_is_written_and_read_again(run: Run, folder: Path, configured: Path, data: Path) -> None:
    """Into the file that is named, with the rest of it as it was; routing goes by it then."""
    before = configured.read_text("utf-8")
    done = run(*COMPAT, "--budget", "6", "--write", "pointsman.yaml", "--svg", "c.svg", *FEW)
    assert (done.code, done.err) == (0, "wrote c.svg\nwrote routing of pointsman.yaml\n")
    assert configured.read_text("utf-8").startswith(before)
    assert (folder / "c.svg").read_text("utf-8").startswith("<svg ")
    assert json.loads(run("route", "--json", "Think step by step. Why? because").out)["tier"] == "complex"
    assert json.loads(run("route", "--json", "Why?").out)["tier"] == "simple"


def test_tiers_are_those_that_the_configuration_has_the_models_in(run: Run, folder: Path, configured: Path) -> None:
    """`quick` is simple and `cloud` reasoning there."""
    text = written(folder / "f.jsonl", lines()).read_text("utf-8")
    (folder / "f.jsonl").write_text(text.replace("small", "quick").replace("large", "cloud"), "utf-8")
    done = run(*COMPAT, "--budget", "1", *FEW)
    assert done.code == 0
    assert "No tier of" not in done.out


def test_the_learned_scorer_has_a_target(run: Run, folder: Path, configured: Path, data: Path) -> None:
    """A chance of a good answer: the whole chain is asked at each of nineteen."""
    args = ("calibrate", "--data", "f.jsonl", "--router", "learned", "--strong-share", "100%", "--json", *FEW)
    done = run(*args, "--write", "x.yaml")
    found = json.loads(done.out)
    assert (done.code, list(found["named"])) == (0, ["target"])
    assert (
        (folder / "x.yaml").read_text("utf-8") == found["yaml"] == f"routing:\n  target: {found['named']['target']:g}\n"
    )
    assert found["in_force"]["n"] == 80


def test_a_setting_of_a_scorer_that_is_not_in_force_says_so(run: Run, configured: Path, data: Path) -> None:
    """It would change nothing."""
    configured.write_text(f"routing:\n  scorer: litellm-compat\n{configured.read_text('utf-8')}", encoding="utf-8")
    done = run("calibrate", "--data", "f.jsonl", "--router", "learned", "--budget", "10", *FEW)
    note = "note: litellm-compat is in force; `routing.scorer: learned` puts this one in its place\n"
    assert (done.code, done.err) == (0, note)


def test_another_score_has_no_place_in_the_configuration(run: Run, data: Path) -> None:
    """Its boundaries are told; they cannot be written."""
    done = run(*COMPAT, "--budget", "6", "--router", "length", *FEW)
    assert "The configuration has no place for them." in done.out
    done = run(*COMPAT, "--budget", "6", "--router", "length", "--write", "x.yaml")
    assert (done.code, done.err) == (2, "error: --write: the configuration has no place for boundaries of 'length'.\n")


def test_a_score_that_does_not_help_says_so(run: Run, folder: Path) -> None:
    """The same calls dealt at random would do as well."""
    made = lines()
    for at, line in enumerate(made):
        line["prompt"] = f"Why? {at}"
    written(folder / "f.jsonl", made)
    done = run(*COMPAT, "--budget", "9", *FEW)
    assert "Held out, this cannot be told from the same calls dealt at random" in done.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Give one of --budget, --quality and --strong-share."),
        (("--budget", "1", "--quality", "1"), "Give one of --budget, --quality and --strong-share."),
        (("--budget", "much"), "--budget should be dollars for 1,000 prompts, such as 1.50; it is 'much'."),
        (("--budget", "5%"), "--budget should be dollars for 1,000 prompts, such as 1.50; it is '5%'."),
        (("--quality", "120%"), "--quality should be from 0 to 1, or in percent; it is '120%'."),
        (("--quality", "nan"), "--quality should be from 0 to 1, or in percent; it is 'nan'."),
        (
            ("--budget", "0.5", "--router", "litellm-compat"),
            "No setting keeps within $0.5 for 1,000 prompts: $1 is the least on these.",
        ),
        (("--budget", "5", "--router", "x"), "--router: there is no score 'x'; there are litellm-compat, learned,"),
    ],
)
def test_bad_input_is_refused(run: Run, data: Path, args: tuple[str, ...], message: str) -> None:
    """Which value, and what it should be; exit code 2."""
    done = run("calibrate", "--data", "f.jsonl", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}")


def test_a_file_that_cannot_be_changed_is_left(run: Run, folder: Path, data: Path) -> None:
    """Exit code 3: it is configuration."""
    (folder / "x.yaml").write_text("routing: {enabled: true}\n", encoding="utf-8")
    done = run(*COMPAT, "--budget", "6", "--write", "x.yaml", *FEW)
    assert done.code == 3
    assert done.err.startswith("error: --write: x.yaml: `routing` is not written over several lines.")
    assert (folder / "x.yaml").read_text("utf-8") == "routing: {enabled: true}\n"


def test_a_narrow_terminal_gets_whole_figures(folder: Path, environ: dict[str, str], data: Path) -> None:
    """Eighty columns: without the calls."""
    with Terminal(folder, environ, "calibrate", "--data", "f.jsonl", "--budget", "6", *FEW, columns=80) as terminal:
        code, said = terminal.end()
    assert code == 0
    assert "  over control\r\n" in said
    assert "checking" in said
