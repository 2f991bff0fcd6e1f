"""Receives the callbacks of providers."""
