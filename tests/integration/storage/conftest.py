"""The stores that every promise is checked against: a folder, and S3."""

from pathlib import Path
from uuid import uuid4

import pytest

from render_service.storage.location import S3Options
from render_service.storage.store import ObjectStore
from tests.seaweedfs import S3Server


@pytest.fixture(scope="session")
def s3_options(s3_server: S3Server) -> S3Options:
    """How to reach the running S3."""
    return s3_server.options


@pytest.fixture
def s3_store(s3_options: S3Options) -> ObjectStore:
    """A store in a bucket that these tests share, under a prefix of the test's own: a bucket each costs seconds."""
    return ObjectStore(f"s3://films/{uuid4()}", s3=s3_options)


@pytest.fixture
def folder_store(tmp_path: Path) -> ObjectStore:
    """A store in a folder of its own."""
    return ObjectStore((tmp_path / "store").as_uri())


@pytest.fixture(params=["folder_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """One store after the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, ObjectStore)
    return found
