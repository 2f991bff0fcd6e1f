"""Batches: one template rendered with many rows of variables."""
