"""Agents: who asks, which model is theirs by rule or by consent, and what their calls say about it."""
