"""Projects: storyboard, output, timeline and validation."""
