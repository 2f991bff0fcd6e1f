"""Renders segments on all workers of a cluster."""
