"""`pointsman vram`: what models take, what fits, and where the guide's figures are off."""

from __future__ import annotations

import json
from pathlib import Path

from pointsman.adapters.runtimes.demo.cache import ensure_demo_models
from tests.cli.conftest import Run

CONFIG = """\
local: {{vram: {vram}, reserve: 1GiB}}
models:
  - {{name: quick, model: "ollama_chat/qwen2.5:3b", tier: simple, pinned: true, context_tokens: 4096}}
  - {{name: heavy, model: "ollama_chat/qwen2.5:32b", tier: complex, context_tokens: 4096}}
  - {{name: odd, model: ollama_chat/odd, tier: medium}}
  - {{name: told, model: ollama_chat/told, tier: medium, memory: 2GB}}
"""


def test_the_table_shows_each_part(run: Run, folder: Path) -> None:
    """In GB, with a bar whose marks the legend explains."""
    done = run("vram", "table", "qwen2.5-7b", "llama3.1:8b", "--context", "8K", "--cache", "q8_0")
    assert done.code == 0
    assert done.out == (
        "MODEL        QUANT   WEIGHTS    KV  COMPUTE  OVERHEAD  TOTAL GB\n"
        "qwen2.5-7b   Q4_K_M     4.68  0.25     0.16      0.45      5.54  ███████████████▓▒░\n"
        "llama3.1:8b  Q4_K_M     4.91  0.57     0.14      0.45      6.07  ████████████████▓▓▒░\n"
    )
    assert done.err == "GB are 1,000,000,000 bytes.  █ weights  ▓ KV cache  ▒ compute  ░ overhead\n"


def test_the_tables_json_is_the_contracts(run: Run, folder: Path) -> None:
    """Q4_K_M, 4,096 tokens, f16, one slot unless said otherwise; all known models without a name."""
    done = run("vram", "table", "qwen2.5-7b", "--json")
    assert json.loads(done.out) == [
        {
            "model": "qwen2.5-7b",
            "quantization": "Q4_K_M",
            "context_tokens": 4096,
            "parallel": 1,
            "weights_bytes": 4_677_120_000,
            "kv_cache_bytes": 234_881_024,
            "compute_bytes": 157_286_400,
            "overhead_bytes": 450_000_000,
            "total_bytes": 5_519_287_424,
        }
    ]
    assert len(json.loads(run("vram", "table", "--json").out)) >= 25


def test_a_file_is_reckoned_from_its_header(run: Run, folder: Path) -> None:
    """The weights are the file's own tensors."""
    small = ensure_demo_models(folder, lambda _line: None)[0].path
    (row,) = json.loads(run("vram", "table", str(small), "--json").out)
    assert row["model"] == small.stem
    assert 0.9 * small.stat().st_size < row["weights_bytes"] < small.stat().st_size


def test_what_is_not_known_is_refused_with_the_nearest(run: Run, folder: Path) -> None:
    """Names, sizes, contexts."""
    assert run("vram", "table", "qwen2.5-77b").err.startswith(
        "error: no model of known shape is called 'qwen2.5-77b'; did you mean qwen2.5-7b"
    )
    assert "is no size; write it as 24GiB" in run("vram", "plan", "qwen2.5-7b", "--vram", "lots").err
    assert "is no number of tokens" in run("vram", "table", "--context", "long").err
    assert "name MODELS or a --strategy" in run("vram", "plan", "--vram", "8GiB").err
    assert "--pin x: not among the models" in run("vram", "plan", "qwen2.5-7b", "--pin", "x", "--vram", "8GiB").err
    assert run("vram", "table", str(folder / "none.gguf")).code == 3


def test_a_plan_says_who_takes_turns(run: Run, folder: Path) -> None:
    """And what a turn costs; exit 0 while it works at all."""
    done = run("vram", "plan", "qwen2.5-3b", "qwen2.5-7b", "qwen2.5-14b", "--pin", "qwen2.5-3b", "--vram", "14GiB")
    assert (done.code, done.err) == (0, "15.0 GB of memory (given), 1.1 GB kept free\n")
    assert done.out == (
        "MODEL                   TOTAL GB  LOAD  CONTEXT UP TO\n"
        "qwen2.5-3b   pinned         2.62   2 s         32,768  ██████░░\n"
        "qwen2.5-7b   on demand      5.52   3 s         32,768  █████████████▓▒░\n"
        "qwen2.5-14b  on demand     10.38   5 s          8,960  ██████████████████████████▓▓░░\n"
        "Together they need 18.5 GB; they take turns: 13.0 GB of 14.0 GB at the peak.\n"
        "  A turn costs a load (from an NVMe disk): qwen2.5-7b 3 s, qwen2.5-14b 5 s.\n"
    )


def test_a_plan_that_cannot_be_says_why(run: Run, folder: Path) -> None:
    """Exit 1, with the figures."""
    done = run(
        "vram", "plan", "qwen2.5-3b", "qwen2.5-7b", "--pin", "qwen2.5-3b", "--pin", "qwen2.5-7b", "--vram", "6GB"
    )
    assert done.code == 1
    assert done.out.splitlines()[-2:] == [
        "They do not fit 4.9 GB.",
        "  qwen2.5-3b + qwen2.5-7b, pinned, need 8.1 GB, the budget is 4.9 GB",
    ]


def test_the_guides_figures_stand_beside_ours(run: Run, folder: Path) -> None:
    """Right where they are right."""
    rows = [line.rsplit("  ", 1)[-1].strip() for line in run("vram", "plan", "--guide").out.splitlines()[1:]]
    assert rows == ["too low", "right", "right", "too low", "too low", "right"]
    found = json.loads(run("vram", "plan", "--guide", "--json").out)
    assert found[3] == {"claim": "a 3B and a 7B fit 6 GB", "said_gb": 6.0, "needs_bytes": found[3]["needs_bytes"]}
    assert round(found[3]["needs_bytes"] / 1e9, 1) == 7.9


def test_the_configuration_is_checked(run: Run, folder: Path) -> None:
    """Pins reserve their room; what is not known is said."""
    (folder / "pointsman.yaml").write_text(CONFIG.format(vram="24GiB"))
    done = run("vram", "check")
    assert done.code == 0
    assert done.err == (
        "What odd takes of the memory is not known, so that it is not managed; give it as `memory:` of the model.\n"
    )
    assert done.out == (
        "MODEL             TOTAL GB\n"
        "quick  pinned         2.62  ██\n"
        "heavy  on demand     21.60  ████████████████▓\n"
        "odd    on demand         –\n"
        "told   on demand      2.00  ██\n"
        "They fit 24.7 GB (given), in turns where not together.\n"
    )
    (folder / "pointsman.yaml").write_text(CONFIG.format(vram="24GB"))
    done = run("vram", "check", "--json")
    assert done.code == 1
    assert json.loads(done.out)["problems"] == [
        "heavy needs 21.6 GB beside quick (pinned, 2.6 GB), the budget is 22.9 GB"
    ]


def test_the_judge_counts_and_is_pinned(run: Run, folder: Path) -> None:
    """One of the models, or at a server of its own on this machine, by its name or by what the configuration says."""
    base = CONFIG.format(vram="24GiB")
    (folder / "pointsman.yaml").write_text(f"{base}classifier: {{enabled: true, model: told}}\n")
    assert "told (the judge)  pinned         2.00  ██\n" in run("vram", "check").out
    (folder / "pointsman.yaml").write_text(f"{base}classifier: {{enabled: true}}\n")
    done = run("vram", "check")
    assert done.out.splitlines()[-2:] == [
        "gemma3-1b-gpu-custom (the judge)  pinned         1.35  █",
        "heavy needs 21.6 GB beside quick + gemma3-1b-gpu-custom (the judge) (pinned, 4.0 GB), the budget is 24.7 GB",
    ]
    (folder / "pointsman.yaml").write_text(f"{base}classifier: {{enabled: true, model: own, memory: 0.1GB}}\n")
    found = json.loads(run("vram", "check", "--json").out)
    assert (found["judge"], found["models"]["own"], found["pinned"]) == ("own", 100_000_000, ["own", "quick"])
    (folder / "pointsman.yaml").write_text(f"{base}classifier: {{enabled: true, model: own}}\n")
    assert run("vram", "check").err.splitlines()[1] == (
        "What the judge own at localhost:9379 takes of the memory is not known, so that it is not counted; "
        "give it as `classifier.memory`."
    )


def test_the_judge_that_is_served_here_counts_by_its_file(run: Run, folder: Path) -> None:
    """`pointsman local setup` has chosen it; at another port it is somebody else's."""
    small = ensure_demo_models(folder / "cache", lambda _text: None)[0].path
    run("local", "setup", "--model", str(small), "--no-start")
    (folder / "pointsman.yaml").write_text(CONFIG.format(vram="24GiB") + "classifier: {enabled: true}\n")
    found = json.loads(run("vram", "check", "--json").out)
    assert found["models"]["gemma3-1b-gpu-custom"] < 600_000_000
    host = "classifier: {enabled: true, host: 'http://localhost:9999'}\n"
    (folder / "pointsman.yaml").write_text(CONFIG.format(vram="24GiB") + host)
    found = json.loads(run("vram", "check", "--json").out)
    assert found["models"]["gemma3-1b-gpu-custom"] > 1_000_000_000


def test_nothing_may_be_kept_free(run: Run, folder: Path) -> None:
    """`0` is a reserve, on the command line and in the configuration; it is no budget."""
    assert run("vram", "plan", "qwen2.5-3b", "--vram", "6GB", "--reserve", "0").err.startswith("6.0 GB of memory")
    (folder / "pointsman.yaml").write_text(CONFIG.format(vram="24GB").replace("1GiB", "0"))
    assert json.loads(run("vram", "check", "--json").out)["budget_bytes"] == 24_000_000_000
    assert "'0' is no size" in run("vram", "plan", "qwen2.5-3b", "--vram", "0").err
