"""What was submitted to paid providers, in Postgres."""
