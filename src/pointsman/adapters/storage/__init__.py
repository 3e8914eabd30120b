"""Where requests are remembered: the ledger, written as SQLite and read back as values."""
