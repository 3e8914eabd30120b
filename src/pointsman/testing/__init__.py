"""Fakes at the ports, for our own tests and for those of programs that build on Pointsman."""
