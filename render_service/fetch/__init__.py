"""The one place through which every URL given by callers or providers is fetched, guarded against reaching inside."""
