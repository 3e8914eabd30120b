"""Local model runtimes: starting, stopping and asking the programs that run models on this machine."""
