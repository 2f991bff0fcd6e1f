"""API keys: shown once, stored as a hash, for some workspaces, for reading or writing, until they end."""

import json
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import grpc
import psycopg
import pytest
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb
from typer.testing import CliRunner

from render_service.cli.main import app
from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.domain.access.access import Access
from render_service.server.auth import authenticator
from render_service.server.auth.authenticator import KeyReader
from tests.integration.server.status import refusal
from tests.serving import Stubs, bearer, serving, settings_of

NOBODY = "rk_" + "x" * 43


@pytest.fixture
async def stubs(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Stubs]:
    async with serving(settings_of(database_url, redis_url, tmp_path)) as stubs:
        yield stubs


def list_jobs(
    stubs: Stubs, key: str, workspace: str = "team"
) -> grpc.aio.UnaryUnaryCall[pb.ListJobsRequest, pb.ListJobsResponse]:
    return stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id=workspace), metadata=bearer(key))


async def test_a_key_opens_its_workspaces_and_no_other(stubs: Stubs, database: Database) -> None:
    key = await ApiKeys(database).create("backend", frozenset({"team", "other"}))
    await list_jobs(stubs, key, "team")
    await list_jobs(stubs, key, "other")
    error = await refusal(list_jobs(stubs, key, "third"))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "WORKSPACE_FORBIDDEN")
    assert error.metadata == {"workspace_id": "third"}


@pytest.mark.parametrize(
    "metadata",
    [(), bearer(NOBODY), bearer(""), (("authorization", NOBODY),), (("authorization", "Basic eDp5"),)],
    ids=["none", "unknown", "empty", "no scheme", "another scheme"],
)
async def test_a_call_without_a_valid_key_learns_nothing_else(
    stubs: Stubs, metadata: tuple[tuple[str, str], ...]
) -> None:
    error = await refusal(stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"), metadata=metadata))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


async def test_a_key_for_reading_changes_nothing(stubs: Stubs, database: Database) -> None:
    key = await ApiKeys(database).create("dashboard", frozenset({"team"}), access=Access.READ)
    await list_jobs(stubs, key)
    error = await refusal(
        stubs.projects.CreateProject(projects_pb.CreateProjectRequest(workspace_id="team"), metadata=bearer(key))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "WRITE_FORBIDDEN")


async def test_a_clock_that_is_set_back_keeps_no_revoked_key_valid(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ApiKeys(database)
    token = await keys.create("backend", frozenset({"team"}))
    reader = KeyReader(keys)
    assert await reader.principal(token) is not None
    (key,) = await keys.list()
    await keys.revoke(key.id)
    # Ten seconds pass, and the clock on the wall is set back by a day.
    now = time.monotonic() + 10
    clock = mock.Mock(wraps=datetime)
    clock.now.side_effect = lambda zone: datetime.now(zone) - timedelta(days=1)
    monkeypatch.setattr(authenticator, "datetime", clock)
    monkeypatch.setattr(authenticator, "time", mock.Mock(monotonic=lambda: now))
    assert await reader.principal(token) is None


async def test_an_expired_key_works_no_longer(
    stubs: Stubs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    key = await ApiKeys(database).create("visitor", frozenset({"team"}), expire_time=soon)
    await list_jobs(stubs, key)
    clock = mock.Mock(wraps=datetime)
    clock.now.side_effect = lambda zone: datetime.now(zone) + timedelta(hours=1)
    monkeypatch.setattr(authenticator, "datetime", clock)
    assert (await refusal(list_jobs(stubs, key))).reason == "CREDENTIALS_INVALID"


async def test_the_last_use_of_keys_is_recorded_in_one_write_for_many_calls(database: Database) -> None:
    keys = ApiKeys(database)
    key = await keys.create("backend", frozenset({"team"}))
    reader = KeyReader(keys)
    before = datetime.now(UTC)
    for _ in range(100):
        await reader.principal(key)
    assert (await keys.list())[0].last_used_time is None, "no call writes"
    await reader.record()
    used = (await keys.list())[0].last_used_time
    assert used is not None
    assert used >= before


def test_keys_are_made_listed_and_revoked_from_the_command_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    run = CliRunner().invoke
    made = run(app, ["keys", "create", "backend", "--workspace", "team", "--access", "read", "--expires-in-days", "7"])
    key = made.stdout.strip()
    assert re.fullmatch(r"rk_[A-Za-z0-9_-]{43}", key), "256 bits, and nothing else on standard output"

    listed = run(app, ["keys", "list", "--json"]).stdout
    row = json.loads(listed)
    assert (row["name"], row["access"], row["workspaces"], row["state"]) == ("backend", "read", ["team"], "works")
    assert row["expires"] is not None
    assert key not in listed + run(app, ["keys", "list"]).stdout

    assert run(app, ["keys", "revoke", row["id"]]).exit_code == 0
    assert json.loads(run(app, ["keys", "list", "--json"]).stdout)["state"] == "revoked"
    with psycopg.connect(database_url) as connection:
        assert key not in str(connection.execute("SELECT api_keys::text FROM api_keys").fetchall())


def test_a_key_for_what_is_no_workspace_is_not_made(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    made = CliRunner().invoke(app, ["keys", "create", "backend", "--workspace", "Team A"])
    assert made.exit_code == 2
    assert "not a workspace id" in made.stderr


def test_revoking_what_is_no_key_says_so(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    result = CliRunner().invoke(app, ["keys", "revoke", "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
