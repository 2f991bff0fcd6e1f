"""What this machine lacks is not blamed on the URL that it was fetching."""

import errno
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from render_service.fetch.errors import FetchError
from render_service.fetch.policy import FetchPolicy
from render_service.fetch.resolver import SystemResolver
from tests.integration.fetch.web import fetching

LACKING = pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM], ids=errno.errorcode.get)


def _failing(code: int) -> Any:
    def fail(*arguments: object, **options: object) -> object:
        raise OSError(code, os.strerror(code))

    return fail


@LACKING
async def test_without_file_handles_no_host_is_unreachable(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _failing(code))
    async with fetching(FetchPolicy(allow_http=True), resolver=SystemResolver()) as fetcher:
        with pytest.raises(OSError, match=r".") as raised:
            await fetcher.fetch("http://host.example/picture.png", tmp_path / "file")
    assert raised.value.errno == code


async def test_without_threads_no_host_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with fetching(FetchPolicy(allow_http=True), resolver=SystemResolver()) as fetcher:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(OSError, match="no thread left") as raised:
                await fetcher.fetch("http://host.example/picture.png", tmp_path / "file")
    assert raised.value.errno == errno.EAGAIN


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO], ids=errno.errorcode.get)
async def test_a_file_that_this_machine_cannot_open_is_not_absent(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "picture.png").touch()
    async with fetching(FetchPolicy(file_roots=(tmp_path,))) as fetcher:
        monkeypatch.setattr(os, "open", _failing(code))
        with pytest.raises(OSError, match=r".") as raised:
            await fetcher.fetch(f"file://{tmp_path}/picture.png", tmp_path / "file")
    assert raised.value.errno == code


async def test_a_name_that_is_not_known_is_the_urls_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its number is that of EAGAIN on some systems.
    def fail(*arguments: object, **options: object) -> object:
        raise socket.gaierror(errno.EAGAIN, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    async with fetching(FetchPolicy(allow_http=True), resolver=SystemResolver()) as fetcher:
        with pytest.raises(FetchError, match=r"could not resolve host host\.example"):
            await fetcher.fetch("http://host.example/picture.png", tmp_path / "file")
