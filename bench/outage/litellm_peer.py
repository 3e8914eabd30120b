"""LiteLLM's Router, asked by `peers.py`: one case a line on stdin, one outcome a line on stdout.

Runs in LiteLLM's own environment. The Router has its defaults; only models and fallbacks are given.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm


async def ask(router: litellm.Router, model: str, case: dict[str, Any]) -> dict[str, Any]:
    """One request, its text read to the end."""
    began, text, problem = time.perf_counter(), "", ""
    messages = [{"role": "user", "content": "hello"}]
    try:
        async with asyncio.timeout(case["most_s"]):
            answer: Any = await router.acompletion(model=model, messages=messages, stream=case["stream"])
            if case["stream"]:
                async for chunk in answer:
                    text += chunk.choices[0].delta.content or ""
            else:
                text = answer.choices[0].message.content
    except TimeoutError:
        problem = "given up"
    except Exception as error:  # noqa: BLE001  whatever it raises is its outcome
        problem = type(error).__name__
    return {"elapsed_s": time.perf_counter() - began, "text": text, "problem": problem}


async def main() -> None:
    """Each case with a Router of its own, `requests` times in a row."""
    litellm.suppress_debug_info = True
    for line in sys.stdin:
        case = json.loads(line)
        models = [
            {"model_name": name, "litellm_params": {"model": "openai/m", "api_base": url, "api_key": "none"}}
            for name, url in case["models"].items()
        ]
        fallbacks = [{"pro": ["flash"]}] if "flash" in case["models"] else []
        router = litellm.Router(model_list=models, fallbacks=fallbacks)
        print(json.dumps(await ask(router, "warm", case)), flush=True)
        for _ in range(case["requests"]):
            sys.stdin.readline()  # the word to go on
            print(json.dumps(await ask(router, "pro", case)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
