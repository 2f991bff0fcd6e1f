"""Projects: storyboard, output, timeline, and the rules that they must keep."""
