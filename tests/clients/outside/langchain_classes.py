"""LangChain's own conformance tests for its chat models and embeddings, at whatever address the environment names.

It runs in an environment of its own, which has LangChain: see tests/clients/test_langchain.py. Images are left out:
these tests fetch theirs from the web.
"""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

from langchain_anthropic import ChatAnthropic
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

URL = os.environ["POINTSMAN_CLIENTS_URL"]
MODELS: dict[str, str] = json.loads(os.environ["POINTSMAN_CLIENTS_MODELS"])


class TestChatOpenAI(ChatModelIntegrationTests):
    """Chat Completions."""

    chat_model_class: ClassVar[type[BaseChatModel]] = ChatOpenAI
    chat_model_params: ClassVar[dict[str, Any]] = {
        "model": MODELS["openai_chat"],
        "base_url": f"{URL}/v1",
        "api_key": "any",
        "max_retries": 0,
        "stream_usage": True,
    }
    supports_json_mode = True


class TestChatOpenAIResponses(ChatModelIntegrationTests):
    """Responses."""

    chat_model_class: ClassVar[type[BaseChatModel]] = ChatOpenAI
    chat_model_params: ClassVar[dict[str, Any]] = {
        "model": MODELS["openai_responses"],
        "base_url": f"{URL}/v1",
        "api_key": "any",
        "max_retries": 0,
        "use_responses_api": True,
    }
    supports_json_mode = True


class TestChatOllama(ChatModelIntegrationTests):
    """Ollama's chat."""

    chat_model_class: ClassVar[type[BaseChatModel]] = ChatOllama
    chat_model_params: ClassVar[dict[str, Any]] = {"model": MODELS["ollama"], "base_url": URL}
    has_tool_choice = False
    supports_json_mode = True


class TestChatAnthropic(ChatModelIntegrationTests):
    """Messages."""

    chat_model_class: ClassVar[type[BaseChatModel]] = ChatAnthropic
    chat_model_params: ClassVar[dict[str, Any]] = {
        "model": MODELS["anthropic_messages"],
        "base_url": URL,
        "api_key": "any",
        "max_retries": 0,
    }


class TestChatGoogle(ChatModelIntegrationTests):
    """Gemini's API, by an older google-genai."""

    chat_model_class: ClassVar[type[BaseChatModel]] = ChatGoogleGenerativeAI
    chat_model_params: ClassVar[dict[str, Any]] = {
        "model": MODELS["gemini"],
        "base_url": URL,
        "api_key": "any",
        "max_retries": 1,
    }


class TestOpenAIEmbeddings(EmbeddingsIntegrationTests):
    """OpenAI's embeddings."""

    embeddings_class: ClassVar[type[Embeddings]] = OpenAIEmbeddings
    embedding_model_params: ClassVar[dict[str, Any]] = {
        "model": MODELS["openai_chat"],
        "base_url": f"{URL}/v1",
        "api_key": "any",
        "check_embedding_ctx_length": False,
    }
