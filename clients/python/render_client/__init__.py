"""Typed Python client of the render service."""
