"""Reads the media that callers bring: probes, demuxes and decodes them."""
