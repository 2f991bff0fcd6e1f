"""Packages finished videos as HLS and DASH streams."""
