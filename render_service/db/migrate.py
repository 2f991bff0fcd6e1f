"""Brings a database's schema up to date."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from render_service.db.database import DatabaseUnavailable, sqlalchemy_url

_LOCK = 0x72656E646572  # "render": a number that no other program locks in this database


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str) -> str:
    """Migrate to the newest revision; concurrent callers take turns.

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
        connection.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        revision = MigrationContext.configure(connection).get_current_revision()
        connection.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()
    engine.dispose()
    return revision or ""


def _connected(engine: sa.Engine) -> sa.Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        raise DatabaseUnavailable from error
