"""What is kept for how long: rows and bytes of what was deleted or has expired are removed, and nothing is orphaned."""
