"""The repositories of brand kits."""
