"""The voices of the speech providers."""
