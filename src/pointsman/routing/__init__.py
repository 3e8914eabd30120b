"""Who may answer and who will: constraints, strategies, and what can be seen in a prompt. No I/O."""
