"""Anthropic's package as it was at 0.86, in an environment of its own: what it prints is read by the test.

python older_anthropic.py URL MODEL
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anthropic

TOWN = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}


def main(url: str, model: str) -> None:
    """One line of JSON: what was heard."""
    client = anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)
    more: Any = {"model": model, "max_tokens": 2000, "temperature": 0.5, "top_k": 7}
    hello: Any = [{"role": "user", "content": "Hello there"}]
    with client.messages.stream(messages=hello, **more) as stream:
        streamed = "".join(stream.text_stream)
    messages: Any = [{"role": "user", "content": 'CALL weather {"town": "Ulm"} END'}]
    tools: Any = [{"name": "weather", "input_schema": TOWN}]
    first = client.messages.create(messages=messages, tools=tools, **more)
    call: Any = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    last: Any = client.messages.create(messages=messages, tools=tools, **more)
    heard = {
        "version": anthropic.__version__,
        "streamed": streamed,
        "arguments": call.input,
        "answer": last.content[0].text,
        "has_count": client.messages.count_tokens(model=model, messages=hello).input_tokens > 0,
        "models": sorted(one.id for one in client.models.list()),
    }
    print(json.dumps(heard))  # noqa: T201  for the test that started it


if __name__ == "__main__":
    main(*sys.argv[1:])
