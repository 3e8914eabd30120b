"""What a local model is asked when it judges how hard a request is, and how its answer is read. Pure."""
