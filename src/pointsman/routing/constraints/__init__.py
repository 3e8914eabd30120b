"""What strikes a model out, besides privacy: what it cannot do."""
