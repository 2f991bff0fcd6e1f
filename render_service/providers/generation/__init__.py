"""Generates the clips of a project through a provider."""
