"""`pointsman replay` and `what-if` over a ledger of four requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.catalog import Tier
from tests.adapters.storage.samples import NOON, decided
from tests.cli.conftest import MODELS, Run
from tests.cli.pseudo_terminal import Terminal
from tests.evals.recorded import DAY_S, HARD, PRIVATE, events

OTHER = """\
routing: {scorer: litellm-compat}
models:
  - {name: quick, model: small, base_url: "http://127.0.0.1:9/v1", local: true, tier: simple}
  - name: mini
    model: openai/gpt-5-mini
    api_key: sk-made-up
    tier: reasoning
    price: {input_usd_per_mtok: 1, output_usd_per_mtok: 10}
"""


@pytest.fixture
def ledger(folder: Path) -> None:
    """Two on the small model, one of them private; two on the large one, one of them with its prompt; a dry run."""
    path = folder / "requests.db"
    (folder / "pointsman.yaml").write_text(
        f"ledger: {{path: {path}}}\nrouting:\n  scorer: litellm-compat\n{MODELS}", encoding="utf-8"
    )
    (folder / "other.yaml").write_text(OTHER, encoding="utf-8")
    reasoning = {"model": "cloud", "tier": Tier.REASONING, "cost_usd": 0.00225}
    made = [
        *events("aa11", at_s=NOON),
        *events("bb22", at_s=NOON + 1, privacy=PRIVATE),
        *events("cc33", at_s=NOON + DAY_S, **reasoning),  # type: ignore[arg-type]
        *events("dd44", at_s=NOON + DAY_S + 1, prompt=HARD, **reasoning),  # type: ignore[arg-type]
        decided("ee55", NOON + 2).__class__(
            **{name: getattr(decided("ee55", NOON + 2), name) for name in ("at_s", "decision", "caller", "features")},
            surface="route",
            stream=False,
            is_dry_run=True,
        ),
    ]
    with SqliteLedger(path, keep_days=None) as writer:
        for event in made:
            writer(event)


@pytest.mark.usefixtures("ledger")
def test_a_replay_shows_what_moves_and_how_sure_that_is(run: Run) -> None:
    """By tier and model with costs; how many prompts were known, and how to log them."""
    done = run("replay", "--with", "other.yaml")
    shown = [" ".join(line.split()) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert shown == [
        "4 requests under other.yaml: 2 (50 %) would go elsewhere",
        "",
        "tier before tier after requests cost before cost after",
        "reasoning reasoning 2 $0.0045 $0.004",
        "simple simple 2 $0 $0",
        "",
        "model before model after requests cost before cost after",
        "cloud mini 2 $0.0045 $0.004",
        "quick quick 2 $0 $0",
        "",
        "cost: $0.0045 → $0.004, $0.0005 less, for the same tokens (4 requests whose price is known both times)",
        "1 decided from the logged prompt",
        "3 decided with the tier that it had: the prompt is not kept",
        "Log prompts to have them decided anew: `ledger: {log_prompts: true}` in pointsman.yaml.",
        "private: 1 of 1 stay on this machine",
    ]


@pytest.mark.usefixtures("ledger")
def test_a_replay_as_json_has_every_request(run: Run) -> None:
    """And the summary; `--limit` takes the newest."""
    found = json.loads(run("replay", "--with", "other.yaml", "--json").out)
    assert [one["id"] for one in found["requests"]] == ["aa11", "bb22", "cc33", "dd44"]
    assert found["summary"]["by_basis"] == {"prompt": 1, "name": 0, "tier": 3, "nothing": 0}
    assert found["requests"][3]["after"]["model"] == "mini"
    newest = json.loads(run("replay", "--limit", "1", "--json").out)
    assert ([one["id"] for one in newest["requests"]], newest["summary"]["moved"]) == (["dd44"], 0)


@pytest.mark.usefixtures("ledger")
def test_one_request_is_told_in_full(run: Run) -> None:
    """Before and after, each with its reason."""
    done = run("replay", "dd44", "--with", "other.yaml")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert (done.code, lines[0]) == (0, "cloud → mini moved")
    assert "decided from the logged prompt" in lines
    assert any(line.startswith("before reasoning, $0.00225, by complexity: ") for line in lines)
    assert any(line.startswith("after reasoning, $0.002, by complexity: ") for line in lines)
    assert json.loads(run("replay", "bb22", "--with", "other.yaml", "--json").out)["after"]["local"] is True
    assert "Log prompts" in run("replay", "cc33", "--with", "other.yaml").out


@pytest.mark.usefixtures("ledger")
def test_a_private_request_that_nobody_here_can_take_is_refused(run: Run, folder: Path) -> None:
    """Exit code 5, as the request itself would have had."""
    cloud = OTHER.replace("local: true", "local: false")
    (folder / "cloud.yaml").write_text(cloud, encoding="utf-8")
    done = run("replay", "--with", "cloud.yaml")
    assert done.code == 5
    assert "private: 0 of 1 stay on this machine, 1 would be refused or is not known" in done.out
    assert "1 would be refused (refused_by_policy): bb22" in done.out
    one = run("replay", "bb22", "--with", "cloud.yaml")
    assert (one.code, one.out.splitlines()[0]) == (5, "quick → refused")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("replay", "ffff"), 2, "No request with the id 'ffff' is recorded."),
        (("replay", "last", "--limit", "2"), 2, "Give ID, or --since and --limit."),
        (("replay", "--since", "2027-01-01"), 2, "No request is recorded since then."),
        (("replay", "--with", "none.yaml"), 3, "--with: there is no file 'none.yaml'."),
        (("replay", "--with", "empty.yaml"), 3, "empty.yaml names no model, so nothing can be decided."),
        (("what-if",), 2, "Give one of --all-on MODEL, --with FILE, or --tier TIER=MODEL and --swap A=B."),
        (("what-if", "--all-on", "quick", "--with", "other.yaml"), 2, "Give one of --all-on MODEL, --with FILE,"),
        (("what-if", "--all-on", "clout"), 2, "--all-on: no model is called 'clout'; did you mean cloud?"),
        (("what-if", "--all-on", "auto"), 2, "--all-on: 'auto' is a choice among models."),
        (("what-if", "--swap", "quick"), 2, "--swap should be A=B, such as gpt-5=claude; it is 'quick'."),
        (("what-if", "--tier", "tiny=quick"), 2, "--tier should be TIER=MODEL, with a tier of simple, medium,"),
        (("what-if", "--since", "2027-01-01", "--all-on", "quick"), 2, "No request is recorded since then."),
    ],
)
def test_bad_input_is_refused(run: Run, folder: Path, args: tuple[str, ...], code: int, message: str) -> None:
    """Which value, and what it should be."""
    (folder / "empty.yaml").write_text("models: []\n", encoding="utf-8")
    done = run(*args)
    assert (done.code, done.out) == (code, "")
    assert f"error: {message}" in done.err


def test_an_empty_ledger_has_nothing_to_replay(run: Run, configured: Path) -> None:
    """Exit code 2, and no table of nothing."""
    for command in (("replay",), ("replay", "last"), ("what-if", "--all-on", "quick")):
        done = run(*command)
        assert (done.code, done.out, done.err) == (2, "", "error: No request is recorded yet.\n")


@pytest.mark.usefixtures("ledger")
def test_what_if_tells_costs_by_day_caller_and_model(run: Run, folder: Path) -> None:
    """With bars for a person and a chart for a page."""
    done = run("what-if", "--all-on", "cloud", "--svg", "c.svg")
    shown = [" ".join(line.split()) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "wrote c.svg\n")
    assert shown[0] == "$0.0045 → $0.00675: $0.00225 (50 %) more, 1 of 4 requests elsewhere"
    assert shown[3].startswith("2026-09-21 2 1 $0 $0.00225")
    assert "coder 4 1 $0.0045 $0.00675" in shown
    assert "cloud 2 3" in shown
    assert shown[-1] == "1 would stay where they were: private, and the model is not on this machine."
    assert (folder / "c.svg").read_text("utf-8").count("2026-09-2") == 6


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("args", "then"),
    [
        (("--all-on", "quick"), 0.0),
        (("--tier", "frontier=quick"), 0.0),
        (("--tier", "simple=cloud"), 0.00675),
        (("--swap", "cloud=quick"), 0.0),
        (("--swap", "quick=cloud", "--tier", "reasoning=quick"), 0.00225),
        (("--with", "other.yaml"), 0.004),
    ],
)
def test_wishes(run: Run, args: tuple[str, ...], then: float) -> None:
    """A model for all, for a tier, for another model; or another configuration."""
    found = json.loads(run("what-if", "--json", *args).out)
    assert found["total"]["now_usd"] == pytest.approx(0.0045)
    assert found["total"]["then_usd"] == pytest.approx(then)


@pytest.mark.usefixtures("ledger")
def test_a_model_without_a_price_costs_nothing_known(run: Run, folder: Path) -> None:
    """The price has to be given first."""
    text = (folder / "pointsman.yaml").read_text("utf-8")
    far = "  - {name: far, model: x, base_url: 'http://192.0.2.1/v1', local: false, tier: medium}\n"
    (folder / "pointsman.yaml").write_text(text + far, encoding="utf-8")
    done = run("what-if", "--all-on", "far")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: --all-on: the price of 'far' is not known.")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_sees_bars(folder: Path, environ: dict[str, str], columns: int) -> None:
    """Longer ones where there is room, and no line broken in a figure."""
    with Terminal(folder, environ, "what-if", "--all-on", "cloud", columns=columns) as terminal:
        code, said = terminal.end()
    assert code == 0
    assert ("█" * 20 in said, "█" * 30 in said) == (True, columns == 120)
    assert "day (UTC)   requests  moved      now   what if" in said
