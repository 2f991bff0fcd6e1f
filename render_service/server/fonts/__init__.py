"""Uploaded fonts: their calls, and their files in the jobs that draw with them."""
