"""Color lookup tables of callers: read from `.cube` files within bounds, and applied to drawings and frames."""
