"""Jobs, their events and their life in Postgres."""
