"""How the learned classifier is made: from files of prompts to one file of weights. Needs numpy alone."""
