"""Encodes frames, and muxes segments and sound into files."""
