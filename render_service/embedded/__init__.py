"""Real Postgres and Valkey from wheels, for one-command runs and for the tests."""

from render_service.embedded.postgres import EmbeddedPostgres
from render_service.embedded.process import ProcessFailed
from render_service.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedValkey", "ProcessFailed"]
