"""Voices, and the texts that they can read."""
