"""The calls of BatchService."""
