"""Accepts renders over HTTP, stores them in Postgres and queues them with Celery, as home-made services do.

`POST /render/{project_id}` answers with 202 once the job is committed and queued. DATABASE_URL and REDIS_URL come from
the environment.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.service.usual.tasks import render_video

_TABLE = text("""
    CREATE TABLE IF NOT EXISTS usual_jobs (
        id uuid PRIMARY KEY, project_id text, task_id text, status text, progress int, message text,
        video_urls text[], created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()
    )
""")
_INSERT = text("""
    INSERT INTO usual_jobs (id, project_id, task_id, status, progress) VALUES (:id, :project_id, :task_id, 'pending', 0)
""")
_engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=16, max_overflow=0)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with _engine.begin() as connection:
        await connection.execute(_TABLE)
    yield
    await _engine.dispose()


app = FastAPI(lifespan=_lifespan)


@app.post("/render/{project_id}", status_code=202)
async def render(project_id: str) -> dict[str, str]:
    """Store and queue a job."""
    job_id, task_id = uuid4(), str(uuid4())
    async with _engine.begin() as connection:
        await connection.execute(_INSERT, {"id": job_id, "project_id": project_id, "task_id": task_id})
    render_video.apply_async((str(job_id),), task_id=task_id)
    return {"job_id": str(job_id), "task_id": task_id, "status": "processing"}
