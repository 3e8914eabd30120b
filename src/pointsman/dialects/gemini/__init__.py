"""Google's Gemini API: content, turns, schemas, request, reply, streams, relay, errors, embeddings, lists, `dialect`."""
