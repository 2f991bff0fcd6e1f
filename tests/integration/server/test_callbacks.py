"""Callbacks of providers at the server: what is rightly signed becomes a hint, and nothing else does anything."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from render_service.config.settings import ConfigurationError, Settings
from render_service.domain.errors import DomainError
from render_service.embedded import EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.progress.task_hints import TaskHints
from render_service.runtime.health_probe import is_serving
from render_service.runtime.http_server import MAX_CONNECTIONS
from render_service.runtime.lifecycle import connect_redis
from render_service.server.auth.jwks import KeySet
from render_service.server.callbacks.listener import MAX_BODY
from render_service.server.callbacks.signatures import FalSignatures
from tests.fakes import custom
from tests.fakes.fal import FakeFal
from tests.serving import serving, settings_of

BODY = b'{"status": "OK"}'


@dataclass
class Callbacks:
    """A server that is called back, and what its workers receive."""

    settings: Settings
    fal: FakeFal
    hints: TaskHints

    @property
    def base(self) -> str:
        return f"http://{self.settings.callback_listen}/render/callbacks"

    async def post(self, path: str, headers: dict[str, str], body: bytes = BODY) -> int:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=15) as client:
            return (await client.post(f"{self.base}{path}", headers=headers, content=body)).status_code

    async def by_fal(self, task_id: UUID, body: bytes = BODY) -> int:
        return await self.post(f"/pika/{task_id}", self.fal.sign("request", body), body)

    async def by_custom(self, task_id: UUID, body: bytes = BODY) -> int:
        return await self.post(f"/custom/{task_id}", custom.sign(body), body)

    async def is_quiet(self, heard: asyncio.Event) -> bool:
        """Whether a task was hinted at by nothing so far: a hint for another, sent now, is heard first."""
        other = uuid4()
        with self.hints.of(other) as next_heard:
            assert await self.by_custom(other) == 200
            async with asyncio.timeout(60):
                await next_heard.wait()
        return not heard.is_set()


def callback_settings(database_url: str, redis_url: str, folder: Path, jwks_url: str) -> Settings:
    return settings_of(
        database_url,
        redis_url,
        folder,
        callback_url="https://video.example.com/render",
        callback_listen=f"{LOOPBACK}:{free_port()}",
        custom_video_webhook_secret=SecretStr(custom.SECRET),
        pika_webhook_jwks_url=jwks_url,
        auth="off",
    )


@asynccontextmanager
async def hearing(redis_url: str) -> AsyncIterator[TaskHints]:
    """What a worker receives."""
    redis = connect_redis(redis_url, timeout_seconds=None)
    hints = TaskHints(redis)
    task = asyncio.create_task(hints.run())
    async with asyncio.timeout(60):
        while not hints.listening:
            await asyncio.sleep(0.01)
    yield hints
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await redis.aclose()


@pytest.fixture
async def callbacks(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Callbacks]:
    async with FakeFal() as fal:
        settings = callback_settings(database_url, redis_url, tmp_path, fal.jwks_url)
        async with serving(settings), hearing(redis_url) as hints:
            yield Callbacks(settings, fal, hints)


async def test_a_rightly_signed_callback_is_a_hint_for_its_task(callbacks: Callbacks) -> None:
    for post in (callbacks.by_fal, callbacks.by_custom):
        task_id = uuid4()
        with callbacks.hints.of(task_id) as heard, callbacks.hints.of(uuid4()) as other:
            assert await post(task_id) == 200
            async with asyncio.timeout(60):
                await heard.wait()
            assert not other.is_set()


async def test_what_forwards_callbacks_may_take_the_prefix_off_and_send_in_pieces(callbacks: Callbacks) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield BODY[:5]
        yield BODY[5:]

    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        url = f"http://{callbacks.settings.callback_listen}/callbacks/custom/{uuid4()}?from=proxy"
        response = await client.post(url, headers=custom.sign(BODY), content=pieces())
    assert response.status_code == 200


async def test_a_wrong_signature_does_nothing(callbacks: Callbacks) -> None:
    task_id = uuid4()
    stranger = Ed25519PrivateKey.generate()
    right = callbacks.fal.sign("request", BODY)
    standard = custom.sign(BODY)
    wrong_secret = "whsec_" + "B" * 32
    with callbacks.hints.of(task_id) as heard:
        for path, headers in (
            (f"/pika/{task_id}", {}),
            (f"/pika/{task_id}", right | {"X-Fal-Webhook-Signature": "zz"}),
            (f"/pika/{task_id}", right | {"X-Fal-Webhook-Signature": stranger.sign(b"x").hex()}),
            (f"/pika/{task_id}", right | {"X-Fal-Webhook-Request-Id": "another"}),
            (f"/pika/{task_id}", right | {"X-Fal-Webhook-User-Id": "another"}),
            (f"/pika/{task_id}", callbacks.fal.sign("request", b"another body")),
            (f"/pika/{task_id}", custom.sign(BODY)),
            (f"/custom/{task_id}", {}),
            (f"/custom/{task_id}", custom.sign(BODY, secret=wrong_secret)),
            (f"/custom/{task_id}", custom.sign(b"another body")),
            (f"/custom/{task_id}", standard | {"webhook-id": "another"}),
            (f"/custom/{task_id}", standard | {"webhook-signature": standard["webhook-signature"].replace("v1", "v2")}),
            (f"/custom/{task_id}", standard | {"webhook-signature": "v1,"}),
        ):
            assert await callbacks.post(path, headers) == 401, (path, headers)
        assert await callbacks.is_quiet(heard)


async def test_the_reference_library_of_standard_webhooks_signs_as_we_check(callbacks: Callbacks) -> None:
    now = datetime.now(UTC)
    signature = Webhook(custom.SECRET).sign(msg_id="msg_1", timestamp=now, data=BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert await callbacks.post(f"/custom/{uuid4()}", headers) == 200


async def test_a_signature_beside_others_counts(callbacks: Callbacks) -> None:
    headers = custom.sign(BODY)
    old = custom.sign(BODY, secret="whsec_" + "B" * 32)["webhook-signature"]
    both = headers | {"webhook-signature": f"v1a,xyz {old} {headers['webhook-signature']}"}
    assert await callbacks.post(f"/custom/{uuid4()}", both) == 200


async def test_a_stale_callback_does_nothing_and_a_fresh_one_may_be_replayed(callbacks: Callbacks) -> None:
    task_id, now = uuid4(), time.time()
    with callbacks.hints.of(task_id) as heard:
        for at in (now - 310, now + 310, 10**12):
            assert await callbacks.post(f"/pika/{task_id}", callbacks.fal.sign("request", BODY, at=at)) == 401
            assert await callbacks.post(f"/custom/{task_id}", custom.sign(BODY, at=at)) == 401
        for timestamp in ("", "soon", "-5", "١٢٣", "9" * 40):
            headers = custom.sign(BODY) | {"webhook-timestamp": timestamp}
            encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                response = await client.post(f"{callbacks.base}/custom/{task_id}", headers=encoded, content=BODY)
            assert response.status_code == 401, timestamp
        assert await callbacks.is_quiet(heard)
    recent = callbacks.fal.sign("request", BODY, at=now - 200)
    assert [await callbacks.post(f"/pika/{task_id}", recent) for _ in range(3)] == [200] * 3


async def test_only_posts_to_known_places_of_bearable_size_are_read(callbacks: Callbacks) -> None:
    task_id = uuid4()
    large = b"x" * (MAX_BODY + 1)
    assert await callbacks.by_custom(task_id, large) == 413
    assert await callbacks.by_custom(task_id, large[:-1]) == 200
    for path in ("", "/", "/custom", "/custom/", f"/custom/{task_id}/", "/custom/nonsense", f"/custom/{'-' * 36}"):
        assert await callbacks.post(path, custom.sign(BODY)) == 404, path
    for provider in ("runway", "local", "nobody"):
        assert await callbacks.post(f"/{provider}/{task_id}", custom.sign(BODY)) == 404
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        for method in ("GET", "PUT", "DELETE", "OPTIONS"):
            response = await client.request(method, f"{callbacks.base}/custom/{task_id}", headers=custom.sign(BODY))
            assert response.status_code == 405
            assert not response.content


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST /callbacks/custom/x HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
)
async def test_what_is_no_request_is_refused(callbacks: Callbacks, sent: bytes) -> None:
    assert callbacks.settings.callback_listen is not None
    host, _, port = callbacks.settings.callback_listen.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    writer.write_eof()
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    assert not answer or answer.split()[1] in (b"400", b"404", b"431"), answer
    assert await callbacks.by_custom(uuid4()) == 200


async def test_a_callback_for_a_task_that_nobody_knows_is_harmless(callbacks: Callbacks) -> None:
    assert await callbacks.by_fal(uuid4()) == 200
    assert await callbacks.by_custom(uuid4()) == 200


async def test_connections_that_only_wait_are_bounded_and_keep_nobody_out(callbacks: Callbacks) -> None:
    assert callbacks.settings.callback_listen is not None
    host, _, port = callbacks.settings.callback_listen.rpartition(":")
    began = time.monotonic()
    slow = []
    for number in range(3 * MAX_CONNECTIONS):
        reader, writer = await asyncio.open_connection(host, int(port))
        # Some stop in the head, some in the body.
        target = f"POST /callbacks/custom/{uuid4()} HTTP/1.1\r\nHost: x\r\n".encode()
        writer.write(target + (b"Content-Length: 9\r\n\r\n1" if number % 2 else b"A"))
        slow.append((reader, writer))
    assert [await callbacks.by_custom(uuid4()) for _ in range(5)] == [200] * 5
    assert await is_serving(callbacks.settings.listen, timeout_seconds=2)

    async def ended(reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while await reader.read(1024):
                pass

    async with asyncio.timeout(60):
        await asyncio.gather(*(ended(reader) for reader, _ in slow))
    assert time.monotonic() - began < 40
    for _, writer in slow:
        writer.close()


async def test_keys_of_fal_are_fetched_once_and_anew_when_they_are_rotated() -> None:
    async with FakeFal() as fal:
        keys = KeySet(fal.jwks_url, pause_seconds=0.0)
        signatures = FalSignatures(keys)

        async def verify(headers: dict[str, str]) -> bool:
            return await signatures.verify({name.lower(): value for name, value in headers.items()}, BODY)

        for _ in range(5):
            assert await verify(fal.sign("request", BODY))
        assert len(fal.requests) == 1
        before = fal.sign("request", BODY)
        fal.signer = Ed25519PrivateKey.generate()
        assert await verify(fal.sign("request", BODY))
        assert len(fal.requests) == 2
        assert not await verify(before)
        await keys.close()
    away = KeySet(fal.jwks_url, pause_seconds=0.0)
    with pytest.raises(DomainError):
        await FalSignatures(away).verify({k.lower(): v for k, v in before.items()}, BODY)
    await away.close()


async def test_without_keys_or_redis_the_provider_is_asked_to_try_again(
    database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    settings = callback_settings(database_url, own_valkey.url, tmp_path, f"http://{LOOPBACK}:{free_port()}/jwks.json")
    async with FakeFal() as fal, serving(settings):
        called = Callbacks(settings, fal, TaskHints())
        assert await called.by_fal(uuid4()) == 503
        assert await called.by_custom(uuid4()) == 200
        await own_valkey.stop()
        assert await called.by_custom(uuid4()) == 503
        await own_valkey.start()
        async with asyncio.timeout(60):
            while await called.by_custom(uuid4()) != 200:
                await asyncio.sleep(0.05)


async def test_without_its_secret_custom_cannot_call_back(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with_secret = callback_settings(database_url, redis_url, tmp_path, f"http://{LOOPBACK}:1/jwks.json")
    settings = with_secret.model_copy(update={"custom_video_webhook_secret": None})
    async with FakeFal() as fal, serving(settings):
        assert await Callbacks(settings, fal, TaskHints()).by_custom(uuid4()) == 404


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"callback_url": None}, "RENDER_CALLBACK_LISTEN: needs RENDER_CALLBACK_URL as well"),
        ({"callback_listen": "nowhere"}, "RENDER_CALLBACK_LISTEN: must be host:port"),
        ({"callback_listen": "192.0.2.1:80"}, "RENDER_CALLBACK_LISTEN: cannot listen on"),
    ],
)
async def test_a_listener_that_cannot_be_stops_the_start(
    database_url: str, redis_url: str, tmp_path: Path, overrides: dict[str, str | None], named: str
) -> None:
    settings = callback_settings(database_url, redis_url, tmp_path, "https://keys.example.com/").model_copy(
        update=overrides
    )
    with pytest.raises(ConfigurationError, match=named):
        async with serving(settings):
            pass
