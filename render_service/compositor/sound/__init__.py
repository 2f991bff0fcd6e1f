"""Mixes narration, music and the sound of clips."""
