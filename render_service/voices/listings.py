"""Reads the voices that a speech provider's API lists."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx
from pydantic import HttpUrl, SecretStr

from render_service.config.settings import Settings
from render_service.domain.foreign_json import read_json
from render_service.domain.speech.terms import ListedVoice
from render_service.domain.speech.voices import Gender, SpeechProvider
from render_service.fetch.certificates import public_authorities

_TIMEOUT_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
_PAGE = 100
_MOST = 5_000
_MOST_BYTES = 8 << 20


class ListingFailed(Exception):
    """The API did not answer, or with something else than a list of voices; the message names no key."""


async def read_voices(settings: Settings, provider: SpeechProvider) -> tuple[ListedVoice, ...] | None:
    """Return the voices that a configured remote provider lists; None if it lists none.

    Raises:
        ListingFailed: They cannot be read.
    """
    match provider:
        case SpeechProvider.ELEVENLABS:
            url: HttpUrl | None = settings.elevenlabs_base_url
            headers, read = _header("xi-api-key", "", settings.elevenlabs_api_key), elevenlabs_voices
        case SpeechProvider.OPENAI_COMPATIBLE:
            url, key = settings.openai_speech_base_url, settings.openai_speech_api_key
            headers, read = _header("Authorization", "Bearer ", key), openai_compatible_voices
        case _:
            url, key = settings.custom_speech_api_url, settings.custom_speech_api_key
            headers, read = _header("Authorization", "Bearer ", key), custom_voices
    client = httpx.AsyncClient(
        base_url=str(url).rstrip("/"),
        headers={"User-Agent": "render-service", **headers},
        timeout=_TIMEOUT_SECONDS,
        trust_env=False,
        verify=public_authorities(),
    )
    try:
        async with client, asyncio.timeout(_TOTAL_SECONDS):
            return await read(client)
    except TimeoutError as error:
        raise ListingFailed(f"it did not list its voices within {_TOTAL_SECONDS:g} s") from error


def _header(name: str, prefix: str, key: SecretStr | None) -> dict[str, str]:
    return {name: prefix + key.get_secret_value()} if key is not None else {}


async def elevenlabs_voices(client: httpx.AsyncClient) -> tuple[ListedVoice, ...] | None:
    """Return the voices of an ElevenLabs account (`GET /v2/voices`), read in pages; None if none could be read.

    Args:
        client: Sends requests with the base URL and the key.

    Raises:
        ListingFailed: They cannot be read.
    """
    found: list[ListedVoice] = []
    query: dict[str, str] = {"page_size": str(_PAGE)}
    while len(found) < _MOST:
        page = await _get(client, "/v2/voices", query)
        voices = list(_elevenlabs_page(_dicts(page.get("voices"))))
        found += voices
        token = page.get("next_page_token")
        if not voices or not page.get("has_more") or not isinstance(token, str) or not token:
            break
        query["next_page_token"] = token
    return _sorted(found) or None


async def openai_compatible_voices(client: httpx.AsyncClient) -> tuple[ListedVoice, ...] | None:
    """Return the voices of a server that lists them (`GET /audio/voices`, as Kokoro-FastAPI does).

    None if it does not, or in a form that is not understood: nothing is known then about its voices.

    Raises:
        ListingFailed: The server does not answer.
    """
    page = await _get_if_any(client, "/audio/voices")
    if page is None:
        return None
    listed = page.get("voices")
    # Servers differ: a list of names, of objects, or an object that has each voice by its name.
    if isinstance(listed, dict):
        listed = [name for name, voice in listed.items() if isinstance(voice, dict)]
    names = listed if isinstance(listed, list) else []
    texts = (name if isinstance(name, str) else _text(name, "id") or _text(name, "name") for name in names)
    return _sorted(ListedVoice(name) for name in texts if name) or None


async def custom_voices(client: httpx.AsyncClient) -> tuple[ListedVoice, ...] | None:
    """Return the voices of a backend that implements the published contract (`GET /voices`).

    None if it lists none, or in a form that is not understood.

    Raises:
        ListingFailed: The backend does not answer.
    """
    page = await _get_if_any(client, "/voices")
    if page is None:
        return None
    voices = _sorted(
        ListedVoice(
            voice_id,
            _text(voice, "name"),
            _texts(voice.get("languages")),
            _gender(voice.get("gender")),
            _text(voice, "style"),
        )
        for voice in _dicts(page.get("voices"))
        if (voice_id := _text(voice, "id"))
    )
    return voices or None


def _elevenlabs_page(voices: Iterable[Mapping[str, Any]]) -> Iterator[ListedVoice]:
    for voice in voices:
        voice_id = _text(voice, "voice_id")
        if not voice_id:
            continue
        labels = voice.get("labels")
        labels = labels if isinstance(labels, dict) else {}
        verified = [_text(one, "locale") or _text(one, "language") for one in _dicts(voice.get("verified_languages"))]
        languages = dict.fromkeys(filter(None, [_text(labels, "language"), *verified]))
        style = [_text(labels, name) for name in ("accent", "age", "descriptive", "description", "use_case")]
        yield ListedVoice(
            voice_id,
            _text(voice, "name"),
            tuple(languages),
            _gender(labels.get("gender")),
            ", ".join(part.replace("_", " ") for part in style if part),
        )


async def _get_if_any(client: httpx.AsyncClient, path: str) -> Mapping[str, Any] | None:
    try:
        return await _get(client, path, {})
    except _NotThere:
        return None


class _NotThere(ListingFailed):
    pass


async def _get(client: httpx.AsyncClient, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        async with client.stream("GET", path, params=dict(query)) as response:
            content = bytearray()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    raise ListingFailed(f"its answer has more than {_MOST_BYTES:,} bytes")
    except httpx.HTTPError as error:
        raise ListingFailed("it did not answer") from error
    if response.status_code in (404, 405, 501):
        raise _NotThere("it lists no voices")
    if not response.is_success:
        raise ListingFailed(f"it answered with {response.status_code}")
    try:
        body = read_json(content)
    except ValueError as error:
        raise ListingFailed("its answer is not JSON") from error
    # Some servers answer with the list alone.
    return body if isinstance(body, dict) else {"voices": body}


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _text(values: object, name: str) -> str:
    value = values.get(name) if isinstance(values, dict) else None
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _gender(value: object) -> Gender | None:
    return next((gender for gender in Gender if gender == value), None)


def _sorted(voices: Iterable[ListedVoice]) -> tuple[ListedVoice, ...]:
    return tuple(sorted({voice.id: voice for voice in voices}.values(), key=lambda voice: voice.id))
