"""Draws the frames of a segment."""
