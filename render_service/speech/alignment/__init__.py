"""Alignment: when the words of a known text are spoken in a sound."""
