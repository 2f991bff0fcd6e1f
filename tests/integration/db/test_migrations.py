"""The migrations make exactly the tables that the code believes in, can be undone, run once however many ask, and leave
the running service alone.
"""

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.dialects.postgresql.base import ischema_names

from render_service.db import migrate
from render_service.db.columns import Xid8
from render_service.db.database import DatabaseUnavailable, sqlalchemy_url
from render_service.db.migrate import upgrade
from render_service.db.revision import newest_revision
from render_service.db.schema import metadata

# What Postgres itself says about every column, index and constraint; alembic's comparison knows neither the conditions
# of partial indexes nor check constraints.
_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity, identity_generation,
        col_description(format('%I', table_name)::regclass, ordinal_position)
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
"""
_TABLES = """
    SELECT relname, reloptions, obj_description(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""

_A_JOB = """
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
    VALUES (gen_random_uuid(), gen_random_uuid(), %s, 'mock', '{}')
"""
_A_VIDEO = sa.text("""
    WITH job AS (
        INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
        VALUES (gen_random_uuid(), gen_random_uuid(), :workspace, 'MOCK', '{}') RETURNING id
    )
    INSERT INTO videos (job_id, workspace_id, files, width, height, fps, frames, size_bytes)
    SELECT id, :workspace, '{}', 2, 2, 1, 1, :size FROM job
""")


def catalogue(url: str) -> list[set[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return [
            {tuple(map(str, row)) for row in connection.execute(query)}
            for query in (_TABLES, _COLUMNS, _INDEXES, _CONSTRAINTS)
        ]


def undo(url: str, revision: str) -> None:
    """Undo the migrations after a revision."""
    config = Config()
    config.set_main_option("script_location", migrate.__file__.replace("migrate.py", "migrations"))
    engine = sa.create_engine(sqlalchemy_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


def wait_until_migration_waits(url: str) -> None:
    """Wait until a statement in the database waits for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute(waiting).fetchall():
            assert time.monotonic() < deadline, "the migration waits for nothing"
            time.sleep(0.01)


def test_migrating_makes_exactly_the_tables_of_the_schema(
    database_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ischema_names, "xid8", Xid8)
    engine = sa.create_engine(sqlalchemy_url(database_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []

    made = sa.create_engine(sqlalchemy_url(empty_database_url), poolclass=sa.NullPool)
    with made.begin() as connection:
        metadata.create_all(connection)
    for migrated, believed in zip(catalogue(database_url), catalogue(empty_database_url), strict=True):
        assert migrated == believed


def test_every_migration_can_be_undone_and_done_again(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    before = catalogue(empty_database_url)
    undo(empty_database_url, "base")
    assert all(not part for part in catalogue(empty_database_url)), "undoing leaves something behind"
    assert upgrade(empty_database_url) == newest_revision()
    assert catalogue(empty_database_url) == before


def test_videos_from_before_the_counter_are_counted(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    undo(empty_database_url, "0014")
    engine = sa.create_engine(sqlalchemy_url(empty_database_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        for workspace, size in (("a", 3), ("a", 4), ("b", 5)):
            connection.execute(_A_VIDEO, {"workspace": workspace, "size": size})
        connection.commit()
    upgrade(empty_database_url)
    with engine.connect() as connection:
        counted = connection.execute(sa.text("SELECT workspace_id, video_bytes FROM workspace_storage ORDER BY 1"))
        assert [tuple(row) for row in counted] == [("a", 7), ("b", 5)]


_CONCURRENT = sorted(
    file.stem.split("_")[0]
    for file in (Path(migrate.__file__).parent / "migrations/versions").glob("0*.py")
    if "autocommit_block" in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("revision", _CONCURRENT)
def test_a_migration_that_failed_while_it_built_an_index_can_be_repeated(
    empty_database_url: str, revision: str
) -> None:
    upgrade(empty_database_url)
    before = catalogue(empty_database_url)
    undo(empty_database_url, f"{int(revision) - 1:04}")

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "CREATE INDEX CONCURRENTLY" in statement:
            raise psycopg.errors.QueryCanceled

    sa.event.listen(sa.Engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(sa.exc.OperationalError):
            upgrade(empty_database_url)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", fail)
    assert upgrade(empty_database_url) == newest_revision()
    assert catalogue(empty_database_url) == before


def test_no_index_is_built_on_a_table_in_use_while_statements_wait_for_it(empty_database_url: str) -> None:
    """Since revision 0022, a revision builds an index at once only on a table that it has created itself."""
    blocks = re.compile(r"\s*CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)(\w+) ON (\w+)")
    revision, created, blocking = "", set[str](), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal revision
        if "alembic_version" in statement:
            given = re.search(r"version_num='(\d+)'", statement)
            revision = given[1] if given else revision
            created.clear()
        elif table := re.match(r"\s*CREATE TABLE (\w+)", statement):
            created.add(table[1])
        elif revision >= "0021" and (index := re.match(blocks, statement)) and index[2] not in created:
            blocking.append(f"after {revision}: {index[1]}")

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        upgrade(empty_database_url)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert revision == newest_revision()
    assert blocking == []


def test_several_migrations_at_once_take_turns(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(upgrade, [empty_database_url] * 4))
    assert set(revisions) == {newest_revision()}


def test_a_migration_never_holds_a_table_while_it_waits_for_another(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    undo(empty_database_url, "0018")
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(empty_database_url) as reader:
            reader.execute("SELECT FROM jobs")
            migration = pool.submit(upgrade, empty_database_url)
            wait_until_migration_waits(empty_database_url)
            reader.execute("SELECT FROM jobs LEFT JOIN videos ON videos.job_id = jobs.id")
        assert migration.result() == newest_revision()


def test_jobs_are_started_while_their_indexes_are_built(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    undo(empty_database_url, "0021")
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(empty_database_url) as first, psycopg.connect(empty_database_url) as second:
            first.execute(_A_JOB, ["a"])
            migration = pool.submit(upgrade, empty_database_url)
            wait_until_migration_waits(empty_database_url)
            second.execute("SET lock_timeout = '5s'")
            second.execute(_A_JOB, ["b"])
        assert migration.result() == newest_revision()


def test_what_a_failed_build_of_an_index_left_is_replaced(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    before = catalogue(empty_database_url)
    undo(empty_database_url, "0021")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE INDEX jobs_to_speak ON jobs (id)")
    upgrade(empty_database_url)
    assert catalogue(empty_database_url) == before


def test_what_a_failed_migration_had_finished_stays_applied(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    undo(empty_database_url, "0018")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE workspace_turns ()")
    with pytest.raises(sa.exc.ProgrammingError, match="workspace_turns"):
        upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0019",)]
        connection.execute("DROP TABLE workspace_turns")
    assert upgrade(empty_database_url) == newest_revision()


async def test_migrating_without_postgres_says_so(unused_tcp_port: int) -> None:
    with pytest.raises(DatabaseUnavailable):
        await asyncio.to_thread(upgrade, f"postgresql://render@127.0.0.1:{unused_tcp_port}/render")
