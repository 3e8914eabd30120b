"""Everything that touches sockets, processes, GPUs and databases; no adapter imports another."""
