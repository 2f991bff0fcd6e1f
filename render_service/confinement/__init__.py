"""Confines processes that read what callers sent: what they may read, change, call and use."""
