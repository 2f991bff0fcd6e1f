"""Telling other services of jobs over HTTP: signing, sending, trying again."""
