"""Google's Gemini API: parts, turns, schemas, request, reply, streams, relay, errors, embeddings, and `dialect`."""
