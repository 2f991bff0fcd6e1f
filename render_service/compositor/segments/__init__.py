"""What a segment is, and how a timeline is cut into segments."""
