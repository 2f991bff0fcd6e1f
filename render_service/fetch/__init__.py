"""Fetches every URL that callers or providers give, guarded against requests to private networks (SSRF)."""
