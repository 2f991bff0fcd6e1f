"""Captions: when each is seen, how it is laid out, and its files beside the video."""
