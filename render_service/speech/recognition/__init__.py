"""Recognises what recordings say that nobody has written down."""
