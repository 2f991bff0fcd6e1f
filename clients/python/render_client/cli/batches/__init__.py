"""Commands for batches: one template rendered with many rows of variables."""
