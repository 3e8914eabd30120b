"""Three tiny real models, made on this machine in a second, so that everything can be tried without a download."""
