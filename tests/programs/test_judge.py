"""gemini-cli with its local classifier (`gemmaModelRouter`) pointed at the gateway, and a real llama.cpp behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from tests.programs import install as programs
from tests.programs.conftest import TIERS, Gateway, PlaceOf
from tests.programs.guide import Place, prepare
from tests.programs.local_model import CONTEXT_TOKENS
from tests.programs.upstream import SENTENCE, obedient_model

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]

NAME = "gemma3-1b-gpu-custom"
CONTEXT = 8192
CHOSEN = re.compile(r"\[Routing\] Selected model: (\S+) \(Source: ([^,]+),")


def judge(folder: Path, *words: str) -> Mapping[str, object]:
    """The small demonstration model in llama.cpp, with a window for gemini-cli's 4,600 tokens, as the one it asks for.

    gemini-cli wants JSON without saying which; the shape is the model's default, and lets it say *words*.
    """
    answer = {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string", "maxLength": 40},
            "model_choice": {"type": "string", "enum": list(words)},
        },
        "required": ["reasoning", "model_choice"],
        "additionalProperties": False,
    }
    shape = Shape(width=256, layers=1, feed_forward=128)
    recipe = DemoRecipe(name="judge", voice=VOICES["small"], shape=shape, context_tokens=CONTEXT)
    path = folder / "judge.gguf"
    path.write_bytes(make_model(recipe))
    return {
        "name": NAME,
        "gguf": {"path": str(path), "context_tokens": CONTEXT},
        "defaults": {"response_format": {"type": "json_object", "schema": answer}},
    }


def classify_at_the_gateway(place: Place) -> None:
    """Turn its local classifier on in gemini-cli's settings."""
    path = place.home / ".gemini" / "settings.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    classifier = {"host": f"http://{place.address}", "model": NAME}
    found["experimental"] = {"gemmaModelRouter": {"enabled": True, "autoStartServer": False, "classifier": classifier}}
    path.write_text(json.dumps(found), encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "model"),
    [(("flash", "pro"), "gemini-3.1-pro-preview-customtools"), (("flash",), "gemini-3.8-flash")],
    ids=["pro", "flash"],
)
async def test_gemini_cli_classifies_with_a_local_model_through_the_gateway(
    gateway: Gateway, place_of: PlaceOf, tmp_path: Path, words: tuple[str, ...], model: str
) -> None:
    """It takes the answer for its own classifier's, chooses by it, asks no hosted one, and is answered."""
    async with obedient_model() as server:
        shared = {"base_url": f"{server.url}/v1", "local": True, "context_tokens": CONTEXT_TOKENS}
        models = [{"name": name, "model": name, "tier": tier, **shared} for name, tier in TIERS.items()]
        async with gateway({"models": [*models, judge(tmp_path, *words)]}) as base_url:
            place = place_of(programs.GEMINI_CLI, base_url)
            prepare("gemini-cli", place)
            classify_at_the_gateway(place)
            line = "gemini --skip-trust --debug -m auto -o json -p 'Please debug this deadlock in the algorithm.'"
            code, said = await place.shell(f"export GOOGLE_GEMINI_BASE_URL={base_url} GEMINI_API_KEY=unused\n{line}")
    assert code == 0, said
    assert CHOSEN.findall(said) == [(model, "agent-router/GemmaClassifier")]
    assert f'"response": "{SENTENCE}"' in said
    assert len(server.bodies) == 1
