"""Designed cards over shots: what they say, and their rules."""
