"""Brings a database's schema up to date."""

import time
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from render_service.db.database import DatabaseUnavailable, sqlalchemy_url

_LOCK = 0x72656E646572  # "render": a number that no other program locks in this database
_LOCK_POLL_SECONDS = 0.2


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str) -> str:
    """Migrate to the newest revision; concurrent callers take turns.

    Each revision is a transaction of its own: those before one that fails stay applied, and the next call goes on
    with the failed one.

    Args:
        url: The database, as DATABASE_URL.

    Returns:
        The new revision of the database.

    Raises:
        DatabaseUnavailable: It cannot be reached.
    """
    config = _config()
    engine = sa.create_engine(sqlalchemy_url(url), poolclass=sa.NullPool)
    with _connected(engine) as connection:
        _lock(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        revision = MigrationContext.configure(connection).get_current_revision()
        connection.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()
    engine.dispose()
    return revision or ""


def _lock(connection: sa.Connection) -> None:
    """Wait for the lock of migrations, with no transaction open meanwhile.

    A statement that waits for the lock would keep a snapshot, and indexes that are built concurrently wait for that.
    """
    while not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
        connection.commit()
        time.sleep(_LOCK_POLL_SECONDS)
    connection.commit()


def _connected(engine: sa.Engine) -> sa.Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        raise DatabaseUnavailable from error
