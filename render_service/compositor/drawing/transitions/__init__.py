"""Transitions from one shot to the next: one module each, drawn plane by plane."""
