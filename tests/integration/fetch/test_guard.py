"""No URL, redirect or answer of DNS makes the service connect to where it must not.

Loopback represents the internal network; one address of it, allowed by the policy, the public internet.
"""

import os
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

import httpx
import pytest
import trustme

from render_service.fetch.errors import DestinationForbidden, FetchError, FetchErrorKind
from render_service.fetch.fetcher import FetchSession
from render_service.fetch.policy import FetchPolicy, uri_fault
from render_service.fetch.transport import GuardedTransport
from tests.integration.fetch.web import answer, fetching, redirect, serve
from tests.unit.fetch.hostile import BY_ADDRESS, BY_SIGHT

PUBLIC = "127.0.0.2"
INSIDE = "127.0.0.1"
POLICY = FetchPolicy(allow_http=True, allowed_networks=(IPv4Network(f"{PUBLIC}/32"),))


class Dns:
    """Answers each lookup with the next list of addresses, the last one for ever, and notes what was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int, workspace_id: str) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _refused(fetcher: FetchSession, uri: str, folder: Path) -> FetchError:
    with pytest.raises(FetchError) as raised:
        await fetcher.fetch(uri, folder / "file")
    assert _names(folder) == []
    return raised.value


@pytest.mark.parametrize("uri", BY_SIGHT.values(), ids=BY_SIGHT.keys())
async def test_hostile_uris_are_refused_before_any_lookup(uri: str, tmp_path: Path) -> None:
    dns = Dns(["93.184.216.34"])
    async with fetching(FetchPolicy(), resolver=dns) as fetcher:
        error = await _refused(fetcher, uri, tmp_path)
    assert error.kind is FetchErrorKind.FORBIDDEN
    assert not error.retryable
    assert dns.asked == []


@pytest.mark.parametrize("addresses", BY_ADDRESS.values(), ids=BY_ADDRESS.keys())
async def test_names_with_an_address_inside_are_refused_and_the_address_is_not_revealed(
    addresses: list[str], tmp_path: Path
) -> None:
    dns = Dns(addresses)
    async with fetching(FetchPolicy(), resolver=dns) as fetcher:
        error = await _refused(fetcher, "https://films.example/a.png?secret=1", tmp_path)
    assert error.kind is FetchErrorKind.FORBIDDEN
    assert not error.retryable
    assert dns.asked == ["films.example"]
    assert error.message == "films.example is or redirects to a host that is not allowed"


async def test_the_real_resolver_is_guarded_too(tmp_path: Path) -> None:
    """`localhost` may be named here, for networks inside are allowed, but its address is none of them."""
    async with serve(INSIDE) as inside, fetching(POLICY) as fetcher:
        error = await _refused(fetcher, inside.url("/a", "localhost"), tmp_path)
        assert error.kind is FetchErrorKind.FORBIDDEN
        assert inside.connections == 0


async def test_a_name_that_changes_after_the_check_is_not_followed(tmp_path: Path) -> None:
    """DNS rebinding: a client that resolves once to check and once to connect ends up inside."""
    async with serve(PUBLIC) as public, serve(INSIDE, public.port) as inside:
        public.answers["/a"] = answer(b"public")
        inside.answers["/a"] = answer(b"inside")
        dns = Dns([PUBLIC], [INSIDE])
        async with fetching(POLICY, resolver=dns) as fetcher:
            fetched = await fetcher.fetch(public.url("/a", "films.example"), tmp_path / "file")
        assert fetched.path.read_bytes() == b"public"
        assert len(dns.asked) == 1
        (tmp_path / "file").unlink()

        async with fetching(POLICY, resolver=dns) as fetcher:
            error = await _refused(fetcher, public.url("/a", "films.example"), tmp_path)
        assert error.kind is FetchErrorKind.FORBIDDEN
        assert inside.connections == 0


async def test_a_name_that_changes_between_redirects_is_not_followed(tmp_path: Path) -> None:
    async with serve(PUBLIC) as public, serve(INSIDE, public.port) as inside:
        public.answers["/a"] = redirect(f"http://films.example:{public.port}/b")
        inside.answers["/b"] = answer(b"inside")
        async with fetching(POLICY, resolver=Dns([PUBLIC], [INSIDE])) as fetcher:
            error = await _refused(fetcher, public.url("/a", "films.example"), tmp_path)
        assert error.kind is FetchErrorKind.FORBIDDEN
        assert inside.connections == 0


async def test_every_hostile_uri_is_refused_as_a_redirect_target(tmp_path: Path) -> None:
    strict = FetchPolicy(allow_http=True, allowed_networks=POLICY.allowed_networks, file_roots=(Path("/"),))
    # Relative ones lead to the same host; names inside are looked up where networks inside are allowed.
    targets = {name: uri for name, uri in BY_SIGHT.items() if ":" in uri and uri_fault(uri, strict)}
    targets |= {"file inside the roots": "file:///etc/passwd", "file in capitals": "FILE:///etc/passwd"}
    del targets["no host"], targets["no slashes"]
    # These would break the header of the answer itself, or do not outlast it.
    del targets["tab in host"], targets["line break"], targets["too long"], targets["space in front"]
    dns = Dns([INSIDE])
    async with serve(PUBLIC) as public, fetching(strict, resolver=dns) as fetcher:
        for number, (name, uri) in enumerate(targets.items()):
            public.answers[f"/{number}"] = redirect(uri.encode().decode("latin-1"))
            with pytest.raises(FetchError) as raised:
                await fetcher.fetch(public.url(f"/{number}"), tmp_path / "file")
            assert raised.value.kind in (FetchErrorKind.FORBIDDEN, FetchErrorKind.BAD_ANSWER), name
            assert raised.value.message.startswith(f"{PUBLIC} redirects to"), name
    assert dns.asked == []
    assert len(targets) > 80


async def test_redirects_inside_are_refused_and_not_revealed(tmp_path: Path) -> None:
    async with serve(PUBLIC) as public, serve(INSIDE) as inside, fetching(POLICY) as fetcher:
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"):
            public.answers["/a"] = redirect(inside.url("/secret"), status)
            error = await _refused(fetcher, public.url("/a"), tmp_path)
            assert error.kind is FetchErrorKind.FORBIDDEN
            assert INSIDE not in error.message
            assert "secret" not in error.message
        assert inside.connections == 0


async def test_https_is_not_led_down_to_http(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with serve(PUBLIC, tls=_server_tls(authority, "films.example")) as secure, serve(PUBLIC) as plain:
        secure.answers["/a"] = redirect(plain.url("/b"))
        policy = FetchPolicy(allowed_networks=POLICY.allowed_networks)
        async with fetching(policy, resolver=Dns([PUBLIC]), tls=_client_tls(authority)) as fetcher:
            error = await _refused(fetcher, f"https://films.example:{secure.port}/a", tmp_path)
        assert error.kind is FetchErrorKind.FORBIDDEN
        assert plain.connections == 0


async def test_tls_is_verified_for_the_name_although_the_address_was_dialled(tmp_path: Path) -> None:
    authority = trustme.CA()
    names: list[str | None] = []
    tls = _server_tls(authority, "films.example")
    tls.sni_callback = lambda _connection, name, _context: names.append(name)
    async with serve(PUBLIC, tls=tls) as web:
        web.answers["/a"] = answer(b"film")
        async with fetching(POLICY, resolver=Dns([PUBLIC]), tls=_client_tls(authority)) as fetcher:
            fetched = await fetcher.fetch(f"https://films.example:{web.port}/a", tmp_path / "good")
            assert fetched.size_bytes == 4
            assert f"Host: films.example:{web.port}" in web.requests[0]
            assert names == ["films.example"]
            (tmp_path / "good").unlink()
            error = await _refused(fetcher, f"https://other.example:{web.port}/a", tmp_path)
            assert (error.kind, error.retryable) == (FetchErrorKind.TLS, False)
        async with fetching(POLICY, resolver=Dns([PUBLIC])) as fetcher:
            error = await _refused(fetcher, f"https://films.example:{web.port}/a", tmp_path)
            assert error.kind is FetchErrorKind.TLS


async def test_proxies_of_the_environment_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(PUBLIC) as web, serve(INSIDE) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        web.answers["/a"] = answer(b"film")
        async with fetching(POLICY) as fetcher:
            await fetcher.fetch(web.url("/a"), tmp_path / "file")
        assert proxy.connections == 0


async def test_cookies_do_not_pass_from_one_fetch_to_the_next(tmp_path: Path) -> None:
    async with serve(PUBLIC) as web, fetching(POLICY) as fetcher:
        web.answers["/a"] = answer(b"film", "200 OK", "Set-Cookie: session=1; Path=/")
        for _ in range(2):
            await fetcher.fetch(web.url("/a"), tmp_path / "file")
        assert "cookie" not in web.requests[1].lower()


async def test_other_clients_share_the_guard() -> None:
    """What providers and webhooks use: their own client upon the guarded transport, following redirects by itself."""
    async with serve(PUBLIC) as public, serve(INSIDE) as inside:
        public.answers["/good"] = answer(b"task")
        public.answers["/bad"] = redirect(inside.url("/b"))
        transport = GuardedTransport(POLICY)
        async with httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=True) as client:
            assert (await client.post(public.url("/good"), json={"prompt": "a"})).content == b"task"
            for url in (public.url("/bad"), inside.url("/b"), "https://user@films.example/", "https://2130706433/"):
                with pytest.raises(DestinationForbidden):
                    await client.get(url)
        assert inside.connections == 0


async def test_files_are_read_only_below_their_roots(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "a b.png").write_bytes(b"picture")
    (root / "inside").symlink_to(root / "a b.png")
    (root / "outside").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to(tmp_path)
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    (root / "circle").symlink_to(root / "circle")
    out = tmp_path / "out"
    out.mkdir()
    async with fetching(FetchPolicy(file_roots=(root,))) as fetcher:
        for name in ("a b.png", "inside"):
            assert (await fetcher.fetch((root / name).as_uri(), out / "file")).size_bytes == 7
        (out / "file").unlink()
        for name in ("outside", "up/secret", "../secret"):
            error = await _refused(fetcher, f"file://{root}/{name}", out)
            assert error.kind is FetchErrorKind.FORBIDDEN
        for name in ("missing", "folder", "pipe", "circle", "a" * 300):
            error = await _refused(fetcher, f"file://{root}/{name}", out)
            assert (error.kind, error.retryable) == (FetchErrorKind.NO_FILE, False)
            assert str(root) not in error.message


def _server_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def _client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
