"""What the shared fixtures promise to every other test."""

import subprocess

import psycopg
import pytest
from redis.asyncio import Redis

from render_service.storage.store import ObjectStore
from tests.objects import put_object
from tests.seaweedfs import S3TestBucket


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_a_migrated_database_without_rows(database_url: str, turn: int) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        rows = await connection.execute("SELECT count(*) FROM projects")
        assert await rows.fetchone() == (0,)
        await connection.execute(
            "INSERT INTO projects (id, workspace_id, body) VALUES (gen_random_uuid(), 'left by another test', '{}')"
        )


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_an_empty_valkey(redis_url: str, turn: int) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", turn)


def test_grpcurl_runs(grpcurl: str) -> None:
    assert subprocess.run([grpcurl, "--version"], check=True, capture_output=True).stderr


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_an_empty_bucket(s3: S3TestBucket, turn: int) -> None:
    store = ObjectStore(s3.url, s3=s3.options)
    assert await store.head("videos/a.mp4") is None
    await put_object(store, "videos/a.mp4", bytes([turn]), content_type="video/mp4")
    assert await store.head("videos/a.mp4") is not None
