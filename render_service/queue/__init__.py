"""Dramatiq's broker and messages, sent by name; dispatcher and reconciler keep them in step with Postgres."""
