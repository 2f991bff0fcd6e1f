"""Attacks on a running service from outside, each beside a caller of another workspace whose work must not suffer."""
