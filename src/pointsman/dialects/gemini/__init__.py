"""Google's Gemini API: content, calls, request, reply, streams, relay, errors, embeddings, and `dialect` over them."""
