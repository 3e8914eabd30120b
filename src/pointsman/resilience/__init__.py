"""What happens when a model does not answer: what kind of failure it is, and who is next. Pure."""
