"""Projects in Postgres."""
