"""Measures speech: how fast it is, how exact its word times are, and whether a recognizer understands it."""
