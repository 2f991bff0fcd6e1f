"""A host that fails for the moment costs no attempt; one that refuses, or is slow, is asked once."""

import asyncio
import errno
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from render_service.domain.cards.model import QuoteCard, ShotCard
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.layers.model import Layer, PictureLayer, TextLayer
from render_service.domain.machine_faults import is_machine_fault
from render_service.domain.projects.looks.sounds import SoundClip
from render_service.domain.projects.project import Project, Shot
from render_service.domain.retry import RetryPolicy
from render_service.engine.assets import fetch_assets
from render_service.fetch.fetcher import FetchSession
from render_service.fetch.policy import FetchPolicy
from tests.integration.fetch.web import Chunks, answer, fetching, serve

POLICY = FetchPolicy(allow_http=True, allowed_networks=(IPv4Network("127.0.0.1/32"),))
AT_ONCE = RetryPolicy(max_attempts=4, base=timedelta(0))
RESET: Chunks = [b""]


@pytest.mark.parametrize(
    "fault",
    [answer(b"", "503 Slow Down"), answer(b"", "500 Internal Error"), answer(b"half", length=8), RESET],
    ids=["503", "500", "broken off", "closed"],
)
async def test_what_fails_for_the_moment_is_fetched_again(fault: Chunks, tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as session:
        web.answers["/picture.png"] = lambda _: fault if len(web.requests) < AT_ONCE.max_attempts else answer(b"whole")
        project = Project(shots=(Shot("one", image_uri=web.url("/picture.png")),))
        media, _ = await fetch_assets(project, session, tmp_path / "assets", retry=AT_ONCE)
    path = media.shots["one"].image
    assert path is not None
    assert path.read_bytes() == b"whole"
    assert len(web.requests) == AT_ONCE.max_attempts


async def test_a_machine_that_fails_one_fetch_ends_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def fetch(session: FetchSession, uri: str, destination: Path) -> None:
        if uri.endswith("full"):
            await arrived.wait()
            raise OSError(errno.ENOSPC, "No space left on device")
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    monkeypatch.setattr(FetchSession, "fetch", fetch)
    shots = (Shot("one", image_uri="https://example.com/full"), Shot("two", image_uri="https://example.com/other"))
    async with fetching(POLICY) as session:
        with pytest.raises(ExceptionGroup) as failed:
            await fetch_assets(Project(shots=shots), session, tmp_path / "assets")
    assert is_machine_fault(failed.value)
    assert left.is_set()


@pytest.mark.parametrize(("status", "requests", "retryable"), [("503 Slow Down", 4, True), ("404 Not Found", 1, False)])
async def test_in_the_end_the_fault_is_named(status: str, requests: int, retryable: bool, tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as session:
        web.answers["/picture.png"] = answer(b"", status)
        project = Project(shots=(Shot("one", image_uri=web.url("/picture.png")),))
        with pytest.raises(RenderFailure, match=r"^one\.image_uri: 127\.0\.0\.1 answered") as failed:
            await fetch_assets(project, session, tmp_path / "assets", retry=AT_ONCE)
    assert (failed.value.reason, failed.value.retryable) == (ErrorReason.ASSET_INVALID, retryable)
    assert len(web.requests) == requests


async def test_the_files_of_layers_cards_and_sounds_are_fetched_and_named_by_their_fields(tmp_path: Path) -> None:
    async with serve() as web, fetching(POLICY) as session:
        web.answers["/logo.png"] = lambda _: answer(b"logo")
        logo = Layer("logo", picture=PictureLayer(web.url("/logo.png")))
        title = Layer("title", text=TextLayer("Hello"))
        sound = SoundClip(web.url("/logo.png"))
        card = ShotCard(quote=QuoteCard("Yes", picture_uri=web.url("/logo.png")))
        shot = Shot("one", layers=(title, logo), sounds=(sound,), card=card)
        project = Project(shots=(shot,), layers=(logo,), sounds=(sound,))
        media, _ = await fetch_assets(project, session, tmp_path / "assets")
        assert len(web.requests) == 1
        missing = Layer("gone", picture=PictureLayer(web.url("/gone.png")))
        with pytest.raises(RenderFailure) as failed:
            await fetch_assets(Project(shots=(Shot("one", layers=(missing,)),)), session, tmp_path / "assets")
    assert media.layers["layers[0].picture.uri"].read_bytes() == b"logo"
    assert media.shots["one"].layers["layers[1].picture.uri"].read_bytes() == b"logo"
    assert media.shots["one"].layers["card.quote.picture_uri"].read_bytes() == b"logo"
    assert media.layers["sounds[0].uri"].read_bytes() == media.shots["one"].layers["sounds[0].uri"].read_bytes()
    assert failed.value.message.startswith("one.layers[0].picture.uri: ")
