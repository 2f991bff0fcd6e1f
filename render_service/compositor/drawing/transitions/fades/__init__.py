"""Transitions that mix the pictures of both shots in place."""
