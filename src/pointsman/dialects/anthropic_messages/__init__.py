"""Anthropic's Messages: content, messages, request, reply, streams, relay, errors, and `dialect` over them."""
