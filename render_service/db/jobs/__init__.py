"""Jobs, their events and their lifecycle in Postgres."""
