"""Checks font files of callers, and writes them anew: what is stored and drawn is never the caller's own bytes."""
