"""Webhooks: events of jobs delivered to other services over HTTP, signed and retried."""
