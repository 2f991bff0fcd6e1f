"""Reads callers' media: identifies, probes, demuxes and decodes."""
