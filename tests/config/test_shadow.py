"""`shadow` in a pointsman.yaml: what it means, and what is refused with the name that was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pointsman.config.load import Loaded, load
from pointsman.config.schema_shadow import ShadowRule
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError

MODELS = """\
models:
  - {name: quick, model: small, base_url: "http://127.0.0.1:9/v1", local: true, tier: simple, aliases: [fast]}
  - {name: heavy, model: large, base_url: "http://127.0.0.1:9/v1", local: true, tier: complex}
  - {name: cloud, model: foo, base_url: "https://api.example.com/v1", api_key: k, tier: reasoning}
"""


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    """The configuration of MODELS and *text*."""
    path = folder / "pointsman.yaml"
    path.write_text(MODELS + text, encoding="utf-8")
    return load(config=path, environ={"XDG_CONFIG_HOME": str(folder), **(environ or {})}, cwd=folder)


def refusal(folder: Path, text: str) -> list[str]:
    """What is wrong with *text*, a line each."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return str(caught.value).splitlines()


def test_it_is_off_until_somebody_gets_copies(tmp_path: Path) -> None:
    """No model, no rules."""
    assert loaded(tmp_path, "").settings.shadow.all_rules() == []


def test_a_model_is_one_rule_and_rules_are_several(tmp_path: Path) -> None:
    """A model, an alias or a tier; environment variables as for any setting."""
    one = loaded(
        tmp_path, "shadow: {model: fast, sample: 0.2, tiers: large, kinds: coding}\n".replace("large", "[large]")
    )
    assert one.settings.shadow.all_rules() == [
        ShadowRule(model="fast", sample=0.2, tiers=[Tier.COMPLEX], kinds=["coding"])
    ]
    several = loaded(tmp_path, "shadow: {rules: [{model: simple, tiers: [complex]}, {model: heavy, sample: 1}]}\n")
    assert [rule.model for rule in several.settings.shadow.all_rules()] == ["simple", "heavy"]
    said = loaded(tmp_path, "", {"POINTSMAN_SHADOW__MODEL": "quick", "POINTSMAN_SHADOW__SAMPLE": "0.5"})
    assert said.settings.shadow.all_rules() == [ShadowRule(model="quick", sample=0.5)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("{model: quik}", ["shadow.model: no model is called 'quik'; did you mean 'quick'?"]),
        ("{model: auto}", ["shadow.model: no model is called 'auto'; "]),
        ("{rules: [{model: quick}, {model: hevy}]}", ["shadow.rules.1.model: no model is called 'hevy'; did you mean"]),
        ("{model: quick, kinds: codin}", ["shadow.kinds: no kind of task is called 'codin'; did you mean 'coding'?"]),
        ("{model: quick, sampel: 1}", ["shadow.sampel: unknown key; did you mean 'sample'?"]),
        ("{model: quick, sample: 2}", ["shadow.sample: should be less than or equal to 1"]),
        ("{model: quick, rules: [{model: heavy}]}", ["shadow: `model` and `rules` exclude each other"]),
        ("{sample: 1, rules: [{model: heavy}]}", ["shadow: `sample`, `tiers` and `kinds` belong into the `rules`"]),
        ("{model: quick, concurrency: 0}", ["shadow.concurrency: should be greater than or equal to 1"]),
        ("{model: quick, judge: judy}", ["shadow.judge: no model is called 'judy'; "]),
        (
            "{model: quick, judge: cloud}",
            ["shadow.judge: 'cloud' is not local, and would be shown requests and answers"],
        ),
        ("{model: quick}\nledger: {enabled: false}", ["shadow: copies are kept beside the ledger, and that is off"]),
        (
            "{model: cloud}\nprivacy: {mode: local-only}",
            ["shadow.model: 'cloud' is no local model, and `privacy.mode` is local-only; name a local one"],
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, lines: list[str]) -> None:
    """At load, with file and line, and the nearest right name."""
    found = refusal(tmp_path, f"shadow: {text}\n")
    assert len(found) == len(lines)
    for line, expected in zip(found, lines, strict=True):
        assert expected in line.replace("[1]", ".1")
        assert line.startswith("pointsman.yaml:5: ")


def test_a_model_without_a_price_gets_no_copies_and_that_is_said(tmp_path: Path) -> None:
    """The budget could not be kept."""
    (warning,) = loaded(tmp_path, "shadow: {model: cloud}\n").warnings
    assert str(warning) == (
        "pointsman.yaml:5: shadow.model: not used: 'cloud' has no price, so its copies cannot be kept within the "
        "budget; add one"
    )
    assert loaded(tmp_path, "shadow: {model: fast}\n").warnings == ()
