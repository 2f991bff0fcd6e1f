"""Commands for what the videos of a brand share."""
