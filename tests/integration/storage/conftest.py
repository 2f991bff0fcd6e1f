"""The stores that every promise is checked against: a folder, and S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from render_service.storage.location import S3Options
from render_service.storage.store import ObjectStore
from tests.integration.storage.seaweed import seaweed


@pytest.fixture(scope="session")
def seaweed_s3() -> Iterator[S3Options]:
    """A running S3 server."""
    with seaweed() as options:
        yield options


@pytest.fixture
def s3_store(seaweed_s3: S3Options, request: pytest.FixtureRequest) -> ObjectStore:
    """A store in a bucket that all tests share, under a prefix of the test's own."""
    return ObjectStore(f"s3://films/{abs(hash(request.node.nodeid))}", s3=seaweed_s3)


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
