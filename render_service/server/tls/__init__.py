"""Certificates and keys of the listener."""
