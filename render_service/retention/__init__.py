"""Retention: removes rows and objects that were deleted or have expired, and finds orphaned objects."""
