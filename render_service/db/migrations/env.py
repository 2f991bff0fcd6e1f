"""Runs migrations over the connection that `render_service.db.migrate` hands in."""

from alembic import context

from render_service.db.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
