"""How long Postgres takes for a claim, however many jobs and workspaces wait."""

from collections.abc import Sequence
from datetime import timedelta

import psycopg

from benchmarks.service import stack
from render_service.db.jobs.job_lifecycle_sql import CLAIM

WORKSPACES = 1_000
_CLAIMS = 101
_FILL = """
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
    SELECT gen_random_uuid(), gen_random_uuid(), 'bench-' || n %% %s, provider, spec
    FROM (SELECT provider, spec FROM jobs LIMIT 1) AS one, generate_series(1, %s) AS n
"""
_DISCARD = "DELETE FROM jobs WHERE status = 'PENDING'"


def time_claims(stores: stack.Stores, sizes: Sequence[int]) -> dict[int, float]:
    """Return the least seconds that Postgres needs to execute a claim, by the number of jobs that wait.

    Args:
        stores: Where the jobs are; there must be one to copy.
        sizes: How many jobs wait, of as many workspaces, at most `WORKSPACES`.
    """
    parameters = {"lease": timedelta(minutes=1), "worker": "bench", "deadline": timedelta(hours=1), "unserved": False}
    able = {"providers": ["mock"], "speech_providers": [], "abilities": []}
    sql, values = CLAIM.bind({**parameters, **able, "running_quota": 100, "count": 1})
    found = {}
    with psycopg.connect(stores.postgres.url, autocommit=True) as connection:
        cursor = psycopg.RawCursor(connection)
        connection.execute("SET plan_cache_mode = force_generic_plan")
        for size in sizes:
            connection.execute(_FILL, (min(size, WORKSPACES), size))
            connection.execute("VACUUM ANALYZE jobs")
            connection.execute("VACUUM ANALYZE workspace_turns")
            times = []
            for _ in range(_CLAIMS):
                with connection.transaction(force_rollback=True):
                    cursor.execute(b"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql, values)
                    ((explained,),) = cursor.fetchall()
                times.append(explained[0]["Execution Time"] / 1e3)
            found[size] = min(times)
            connection.execute(_DISCARD)
    return found
