"""Layers over a shot or the whole video: what they are, and their rules."""
