"""Models on this machine: what they need of its memory, what fits, what to load and what to let go. Pure."""
