"""The command line: parses, asks the Router or the ledger, prints. Data goes to stdout, talk to stderr."""
