"""API keys, quotas and the audit trail in Postgres."""
