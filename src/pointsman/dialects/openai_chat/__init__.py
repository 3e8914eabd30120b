"""OpenAI's Chat Completions: content, messages, request, reply, streams, relay, errors, and `dialect` over them."""
