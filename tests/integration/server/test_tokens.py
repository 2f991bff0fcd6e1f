"""JSON Web Tokens open what their issuer says, for as long as it says, and nothing that anybody else says."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb

from render_service.domain.access.access import Access
from render_service.domain.errors import DomainError, ErrorReason
from render_service.server.auth.jwks import KeySet
from render_service.server.auth.jwt import JwtReader
from tests.integration.server.issuer import Issuer
from tests.integration.server.status import refusal
from tests.serving import bearer, serving, settings_of


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as issuer:
        yield issuer


@pytest.fixture
async def key_set(issuer: Issuer) -> AsyncIterator[KeySet]:
    key_set = KeySet(issuer.url, pause_seconds=0.0)
    yield key_set
    await key_set.close()


@pytest.fixture
def reader(issuer: Issuer, key_set: KeySet) -> JwtReader:
    return reader_of(issuer, key_set)


def reader_of(issuer: Issuer, key_set: KeySet) -> JwtReader:
    return JwtReader(
        key_set,
        issuer=issuer.name,
        audience="render-service",
        workspaces_claim="workspaces",
        write_scope="render:write",
    )


async def test_a_token_opens_the_workspaces_of_its_claim_over_the_wire(
    issuer: Issuer, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(
        database_url,
        redis_url,
        tmp_path,
        auth="api-keys,jwt",
        jwt_issuer=issuer.name,
        jwt_audience="render-service",
        jwt_jwks_url=issuer.url,
        jwt_workspaces_claim="teams",
    )
    async with serving(settings) as stubs:
        token = issuer.token(teams="team other", scope="openid")
        for workspace in ("team", "other"):
            await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id=workspace), metadata=bearer(token))
        error = await refusal(stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="third"), metadata=bearer(token)))
        assert error.code is grpc.StatusCode.PERMISSION_DENIED
        create = projects_pb.CreateProjectRequest(workspace_id="team")
        assert (await refusal(stubs.projects.CreateProject(create, metadata=bearer(token)))).reason == "WRITE_FORBIDDEN"
        token = issuer.token(teams=["team"])
        error = await refusal(stubs.projects.CreateProject(create, metadata=bearer(token)))
        assert error.reason == "INVALID_FIELD", "the caller may, the request is empty"
        error = await refusal(
            stubs.renders.ListJobs(
                pb.ListJobsRequest(workspace_id="team"), metadata=bearer(issuer.token(exp=int(time.time()) - 60))
            )
        )
        assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "two\nlines"},
        {"sub": "x" * 256},
        {"key_id": "unheard"},
        {"key": ec.generate_private_key(ec.SECP256R1())},
    ],
    ids="-".join,
)
async def test_a_token_that_is_not_the_issuers_for_us_and_now_opens_nothing(
    issuer: Issuer, reader: JwtReader, claims: dict[str, Any]
) -> None:
    assert await reader.principal(issuer.token(**claims)) is None
    assert await reader.principal(issuer.token()) is not None


async def test_a_token_without_signature_opens_nothing(issuer: Issuer, reader: JwtReader) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    _, body, signature = issuer.token().split(".")
    for algorithm in ("none", "None", "HS256", 7):
        forged = f"{part({'alg': algorithm, 'kid': 'first'})}.{body}.{signature}"
        assert await reader.principal(forged) is None
    assert not reader.recognises(f"{part({'alg': 'none', 'kid': 'first'})}.{body}.")


async def test_the_public_key_is_no_secret_to_sign_with(issuer: Issuer, reader: JwtReader) -> None:
    # The classic confusion: the published key taken as an HMAC secret.
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = base64.urlsafe_b64encode(pem).rstrip(b"=").decode()
    issuer.extra = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True), "kid": "rsa"},
        {"kty": "oct", "k": secret, "kid": "shared", "alg": "HS256"},
    ]
    for key_id in ("rsa", "shared"):
        forged = issuer.token(algorithm="HS256", key=secret, key_id=key_id)
        assert await reader.principal(forged) is None


@pytest.mark.parametrize(
    ("claims", "workspaces", "access"),
    [
        ({}, {"team"}, Access.WRITE),
        ({"workspaces": "team other"}, {"team", "other"}, Access.WRITE),
        ({"workspaces": ["team", "Not A Workspace", 7]}, {"team"}, Access.WRITE),
        ({"workspaces": {"team": True}}, set(), Access.WRITE),
        ({"workspaces": None}, set(), Access.WRITE),
        ({"scope": None}, {"team"}, Access.READ),
        ({"scope": "render:writer"}, {"team"}, Access.READ),
        ({"scope": None, "scp": ["openid", "render:write"]}, {"team"}, Access.WRITE),
    ],
)
async def test_claims_say_which_workspaces_are_open_and_for_what(
    issuer: Issuer, reader: JwtReader, claims: dict[str, Any], workspaces: set[str], access: Access
) -> None:
    principal = await reader.principal(issuer.token(**claims))
    assert principal is not None
    assert principal.workspaces == frozenset(workspaces)
    assert principal.access is access
    assert principal.id == "jwt:https://issuer.example#backend"


async def test_a_rotated_key_is_found_at_once_and_the_old_one_no_longer_works(
    issuer: Issuer, reader: JwtReader
) -> None:
    before = issuer.token()
    assert await reader.principal(before) is not None
    issuer.rotate("second")
    assert await reader.principal(issuer.token()) is not None
    assert await reader.principal(before) is None


async def test_keys_are_fetched_once_for_many_tokens(issuer: Issuer) -> None:
    key_set = KeySet(issuer.url)
    reader = reader_of(issuer, key_set)
    for _ in range(50):
        assert await reader.principal(issuer.token()) is not None
    assert issuer.fetches == 1
    for number in range(50):
        assert await reader.principal(issuer.token(key_id=f"unheard-{number}")) is None
    assert issuer.fetches == 1, "unknown keys do not make this service flood the issuer"
    await key_set.close()


async def test_known_keys_go_on_working_while_the_issuer_is_away(issuer: Issuer) -> None:
    key_set = KeySet(issuer.url, fresh_seconds=0.0, pause_seconds=0.0)
    reader = reader_of(issuer, key_set)
    assert await reader.principal(issuer.token()) is not None
    issuer.away = True
    assert await reader.principal(issuer.token()) is not None
    await key_set.close()


async def test_without_any_keys_callers_are_asked_to_try_again(issuer: Issuer, reader: JwtReader) -> None:
    issuer.away = True
    with pytest.raises(DomainError) as raised:
        await reader.principal(issuer.token())
    assert raised.value.reason is ErrorReason.STORE_UNAVAILABLE
    assert raised.value.retry_after_seconds is not None


async def test_known_keys_verify_at_once_while_the_issuer_hangs(issuer: Issuer) -> None:
    key_set = KeySet(issuer.url, fresh_seconds=0.0, pause_seconds=0.0)
    reader = reader_of(issuer, key_set)
    assert await reader.principal(issuer.token()) is not None
    issuer.hanging, fetched, began = True, issuer.fetches, time.monotonic()
    principals = await asyncio.gather(*(reader.principal(issuer.token()) for _ in range(20)))
    assert all(principals)
    assert time.monotonic() - began < 20
    await asyncio.gather(*(reader.principal(issuer.token(key_id=f"unheard-{n}")) for n in range(20)))
    assert time.monotonic() - began < 60
    assert issuer.fetches - fetched <= 2, "one fetch at a time"
    await key_set.close()


async def test_a_key_that_is_not_for_verifying_opens_nothing(issuer: Issuer, reader: JwtReader) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    published = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    issuer.extra = [{**published, "kid": "other", "alg": "ES256", "key_ops": ["encrypt"]}]
    assert await reader.principal(issuer.token(key=key, key_id="other")) is None
    issuer.extra = [{**published, "kid": "another", "alg": "ES256", "key_ops": ["verify"]}]
    assert await reader.principal(issuer.token(key=key, key_id="another")) is not None
