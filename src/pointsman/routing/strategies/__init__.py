"""The strategies of the chain, one a file."""
