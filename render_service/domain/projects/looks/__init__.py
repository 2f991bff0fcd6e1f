"""Choices of how a video looks and sounds: captions, clips, sounds."""
