"""LangChain's chat models before one local model, in an environment of their own: what it prints is read by the test.

python langchain_llama.py URL MODEL PROMPT
"""

from __future__ import annotations

import json
import sys

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI


@tool
def weather(town: str) -> str:
    """The weather in a town."""
    return f"sunny in {town}"


def main(url: str, model: str, prompt: str) -> None:
    """One line of JSON: what each heard, by its class."""
    found: list[tuple[str, BaseChatModel]] = [
        ("ChatOpenAI", ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="any", max_tokens=64)),
        (
            "ChatOpenAI, Responses",
            ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="any", use_responses_api=True, max_tokens=64),
        ),
        ("ChatAnthropic", ChatAnthropic(model=model, base_url=url, api_key="any", max_tokens=64)),
        ("ChatGoogle", ChatGoogleGenerativeAI(model=model, base_url=url, api_key="any", max_output_tokens=64)),
        ("ChatOllama", ChatOllama(model=model, base_url=url, num_predict=64)),
    ]
    print(json.dumps({name: heard(chat, prompt) for name, chat in found}))  # noqa: T201  for the test that started it


def heard(chat: BaseChatModel, prompt: str) -> dict[str, object]:
    """A streamed greeting, a tool call, and what is said to its result."""
    greeting = "".join(chunk.text for chunk in chat.stream("Hello"))
    with_tool = chat.bind_tools([weather])
    asked = HumanMessage(prompt)
    first = with_tool.invoke([asked])
    (call,) = first.tool_calls
    result = ToolMessage(content=weather.invoke(call["args"]), tool_call_id=call["id"], name=call["name"])
    last = with_tool.invoke([asked, first, result])
    return {"greeting": greeting, "arguments": call["args"], "answer": last.text}


if __name__ == "__main__":
    main(*sys.argv[1:])
