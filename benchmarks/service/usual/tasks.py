"""Renders nothing in five steps, each stored in Postgres and published over Redis."""

import json
import os
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

import redis
from celery import Celery
from sqlalchemy import Engine, create_engine, text

_STEPS = ((10, "Preparing"), (30, "Generating"), (60, "Rendering frames"), (90, "Encoding"), (100, "Done"))
_UPDATE = text("""
    UPDATE usual_jobs SET status = :status, progress = :progress, message = :message, video_urls = :urls,
        updated_at = now()
    WHERE id = :id
""")

celery_app = Celery("usual", broker=os.environ["REDIS_URL"])
celery_app.conf.task_ignore_result = True


@cache
def _engine() -> Engine:
    return create_engine(os.environ["DATABASE_URL"], pool_size=2)


@cache
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(os.environ["REDIS_URL"])


@celery_app.task(name="render_video")  # type: ignore[untyped-decorator]
def render_video(job_id: str) -> None:
    """Do a job."""
    for progress, message in _STEPS:
        status = "completed" if progress == 100 else "processing"
        urls = [f"https://example.com/videos/{job_id}.mp4"] if progress == 100 else None
        values = {"status": status, "progress": progress, "message": message, "urls": urls, "id": UUID(job_id)}
        with _engine().begin() as connection:
            connection.execute(_UPDATE, values)
        event = {"status": status, "progress": progress, "message": message, "timestamp": datetime.now(UTC).isoformat()}
        _redis().publish(f"task_updates:{job_id}", json.dumps(event))
