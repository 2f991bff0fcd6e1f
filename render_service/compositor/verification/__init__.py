"""Checks a finished video against what was asked for."""
