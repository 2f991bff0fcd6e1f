"""Runs migrations over the connection that `render_service.db.migrate` hands in."""

from alembic import context

from render_service.db.schema import metadata

# Each revision commits before the next one starts: none waits for the lock of one table while it holds that of another,
# which statements of the running service may read together.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
