"""Batches in Postgres."""
