"""Starting renders."""
