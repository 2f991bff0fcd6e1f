"""TLS: certificates that are renewed without a restart, and clients that prove who they are by theirs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb

from render_service.config.settings import Settings
from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.server.tls import reloading_file as reloading
from tests.integration.server.status import refusal
from tests.serving import Stubs, bearer, serving, settings_of

LIST = pb.ListJobsRequest(workspace_id="team")


class Folder:
    """A folder with the files of a server's TLS."""

    def __init__(self, path: Path, authority: trustme.CA) -> None:
        path.mkdir()
        self.cert, self.key = path / "server.pem", path / "server.key"
        self.client_ca, self.subjects = path / "clients.pem", path / "subjects.json"
        self.issue(authority)

    def issue(self, authority: trustme.CA) -> None:
        """Replace the server's certificate and key."""
        issued = authority.issue_cert("localhost")
        self._replace(self.cert, b"".join(part.bytes() for part in issued.cert_chain_pems))
        self._replace(self.key, issued.private_key_pem.bytes())

    def trust(self, authority: trustme.CA) -> None:
        """Replace the authority of clients."""
        self._replace(self.client_ca, authority.cert_pem.bytes())

    def grant(self, grants: dict[str, Any]) -> None:
        """Replace who clients are."""
        self._replace(self.subjects, json.dumps(grants).encode())

    @staticmethod
    def _replace(file: Path, data: bytes) -> None:
        part = file.with_suffix(".part")
        part.write_bytes(data)
        part.replace(file)


def issued(authority: trustme.CA, name: str) -> trustme.LeafCert:
    return authority.issue_cert(
        f"{name}.internal", common_name=name, organization_name="Example", organization_unit_name="Team A"
    )


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(reloading, "_LOOK_SECONDS", 0.0)
    return Folder(tmp_path / "tls", authority)


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path, folder: Folder) -> Settings:
    return settings_of(database_url, redis_url, tmp_path, tls_cert=folder.cert, tls_key=folder.key)


def channel_to(settings: Settings, root: trustme.CA, client: trustme.LeafCert | None = None) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(
        root.cert_pem.bytes(),
        client.private_key_pem.bytes() if client is not None else None,
        b"".join(part.bytes() for part in client.cert_chain_pems) if client is not None else None,
    )
    port = settings.listen.rpartition(":")[2]
    # A channel of its own each time: gRPC shares connections between equal ones.
    return grpc.aio.secure_channel(f"localhost:{port}", credentials, options=[("grpc.use_local_subchannel_pool", 1)])


@asynccontextmanager
async def stubs_over(
    settings: Settings, root: trustme.CA, client: trustme.LeafCert | None = None
) -> AsyncIterator[Stubs]:
    async with channel_to(settings, root, client) as channel:
        yield Stubs(channel)


async def cannot_connect(settings: Settings, root: trustme.CA, client: trustme.LeafCert | None = None) -> bool:
    async with stubs_over(settings, root, client) as stubs:
        try:
            await stubs.renders.ListJobs(LIST, timeout=30)
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


async def test_keys_are_taken_over_tls_and_plaintext_is_not_answered(
    settings: Settings, authority: trustme.CA, database: Database
) -> None:
    key = await ApiKeys(database).create("backend", frozenset({"team"}))
    async with serving(settings, channel_to(settings, authority)) as stubs:
        await stubs.renders.ListJobs(LIST, metadata=bearer(key))
        async with grpc.aio.insecure_channel(settings.listen) as plain:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await Stubs(plain).renders.ListJobs(LIST, metadata=bearer(key), timeout=2)
        assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


async def test_a_new_certificate_is_taken_up_without_a_restart_and_a_broken_one_is_not(
    settings: Settings, authority: trustme.CA, folder: Folder, database: Database
) -> None:
    key = await ApiKeys(database).create("backend", frozenset({"team"}))
    later = trustme.CA()
    async with serving(settings, channel_to(settings, authority)) as open_before:
        folder.cert.write_bytes(b"half a certif")
        async with stubs_over(settings, authority) as stubs:
            await stubs.renders.ListJobs(LIST, metadata=bearer(key))
        folder.issue(later)
        async with stubs_over(settings, later) as stubs:
            await stubs.renders.ListJobs(LIST, metadata=bearer(key))
        assert await cannot_connect(settings, authority), "the old certificate is shown no more"
        await open_before.renders.ListJobs(LIST, metadata=bearer(key)), "open connections stay"


async def test_the_subject_of_a_client_certificate_is_the_principal(
    settings: Settings, authority: trustme.CA, folder: Folder, database: Database
) -> None:
    clients = trustme.CA()
    folder.trust(clients)
    folder.grant(
        {
            "CN=backend,OU=Team A,O=Example": {"workspaces": ["team"]},
            "CN=viewer,OU=Team A,O=Example": {"workspaces": ["team"], "access": "read"},
        }
    )
    settings = settings.model_copy(
        update={"auth": "mtls,api-keys", "tls_client_ca": folder.client_ca, "tls_subjects": folder.subjects}
    )
    backend = issued(clients, "backend")
    viewer = issued(clients, "viewer")
    stranger = issued(clients, "stranger")
    create = projects_pb.CreateProjectRequest(workspace_id="team")
    async with serving(settings, channel_to(settings, authority, backend)) as stubs:
        await stubs.renders.ListJobs(LIST)
        assert (await refusal(stubs.projects.CreateProject(create))).reason == "INVALID_FIELD"
        other = pb.ListJobsRequest(workspace_id="other")
        assert (await refusal(stubs.renders.ListJobs(other))).reason == "WORKSPACE_FORBIDDEN"

        key = await ApiKeys(database).create("other", frozenset({"other"}))
        await stubs.renders.ListJobs(other, metadata=bearer(key)), "a key in the call speaks louder"
        assert (await refusal(stubs.renders.ListJobs(LIST, metadata=bearer(key)))).reason == "WORKSPACE_FORBIDDEN"
        error = await refusal(stubs.renders.ListJobs(LIST, metadata=bearer("rk_wrong")))
        assert error.reason == "CREDENTIALS_INVALID", "a wrong one is not made good by the certificate"

        async with stubs_over(settings, authority, viewer) as read_only:
            await read_only.renders.ListJobs(LIST)
            assert (await refusal(read_only.projects.CreateProject(create))).reason == "WRITE_FORBIDDEN"
        async with stubs_over(settings, authority, stranger) as unknown:
            assert (await refusal(unknown.renders.ListJobs(LIST))).reason == "CREDENTIALS_INVALID"
            folder.grant({"CN=stranger,OU=Team A,O=Example": {"workspaces": ["team"]}})
            await unknown.renders.ListJobs(LIST)
        assert (await refusal(stubs.renders.ListJobs(LIST))).reason == "CREDENTIALS_INVALID", "taken away at once"


async def test_clients_of_another_authority_or_without_a_certificate_do_not_get_in(
    settings: Settings, authority: trustme.CA, folder: Folder
) -> None:
    clients, others = trustme.CA(), trustme.CA()
    folder.trust(clients)
    folder.grant({"CN=backend,OU=Team A,O=Example": {"workspaces": ["team"]}})
    settings = settings.model_copy(
        update={"auth": "mtls", "tls_client_ca": folder.client_ca, "tls_subjects": folder.subjects}
    )
    ours = issued(clients, "backend")
    theirs = issued(others, "backend")
    async with serving(settings, channel_to(settings, authority, ours)) as stubs:
        await stubs.renders.ListJobs(LIST)
        assert await cannot_connect(settings, authority)
        assert await cannot_connect(settings, authority, theirs)
        folder.trust(others)
        assert await cannot_connect(settings, authority, ours), "an authority that was taken away counts no more"


def test_files_that_are_away_for_a_moment_leave_what_was_read(folder: Folder) -> None:
    value = reloading.ReloadingFile("a certificate", [folder.cert], folder.cert.read_bytes)
    before = value.get()
    folder.cert.unlink()
    assert value.get() == before
    folder.cert.write_bytes(b"new")
    assert value.get() == b"new"
