"""Transitions in which an edge uncovers the new shot."""
