"""OpenAI's Responses: content, tools, items, request, reply, streams, relay, history, and `dialect` over them."""
