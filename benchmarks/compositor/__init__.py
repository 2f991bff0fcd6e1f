"""How fast the compositor is, beside the encoder alone and other ways to do the same work."""
