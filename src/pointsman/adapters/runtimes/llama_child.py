"""The main program of a process that serves one GGUF file: `python -m pointsman.adapters.runtimes.llama_child JSON`.

It says `{"base_url": ...}` on a line of its own when the model can answer, and `{"error": ..., "hint": ...}` when it
never will. It ends when its standard input does: so it does not outlive whoever started it, however that ended.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from pointsman.adapters.runtimes.embedded_llama import EmbeddedRuntime, ModelFile
from pointsman.core.errors import PointsmanError


def to_argument(model: ModelFile) -> str:
    """*model* as the argument of the process."""
    return json.dumps(asdict(model) | {"path": str(model.path)})


def main(argument: str) -> int:
    """Serve until standard input ends; the exit code."""
    fields = json.loads(argument)
    model = ModelFile(**fields | {"path": Path(fields["path"])})
    runtime = EmbeddedRuntime()
    try:
        llama = runtime.start(model)
    except PointsmanError as error:
        _say({"error": error.message, "hint": error.hint})
        return error.exit_code
    _say({"base_url": llama.base_url})
    sys.stdin.buffer.read()
    return 0


def _say(word: dict[str, str | None]) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    os._exit(code)  # the server's threads are native, and would be waited for
