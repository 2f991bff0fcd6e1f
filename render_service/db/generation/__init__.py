"""The ledger of clips submitted to paid providers, in Postgres."""
