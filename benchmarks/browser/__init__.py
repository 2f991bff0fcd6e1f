"""Compares layers with Chromium, which draws the same boxes from CSS."""
