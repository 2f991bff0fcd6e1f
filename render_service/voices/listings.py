"""Reads the voices that a speech provider's API lists."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx
from pydantic import HttpUrl, SecretStr

from render_service.config.settings import Settings
from render_service.domain.speech.terms import ListedVoice
from render_service.domain.speech.voices import Gender, SpeechProvider
from render_service.fetch.certificates import public_authorities

_TIMEOUT_SECONDS = 5.0
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
    async with httpx.AsyncClient(
        base_url=str(url).rstrip("/"),
        headers={"User-Agent": "render-service", **headers},
        timeout=_TIMEOUT_SECONDS,
        trust_env=False,
        verify=public_authorities(),
    ) as client:
        return await read(client)


def _header(name: str, prefix: str, key: SecretStr | None) -> dict[str, str]:
    return {name: prefix + key.get_secret_value()} if key is not None else {}


async def elevenlabs_voices(client: httpx.AsyncClient) -> tuple[ListedVoice, ...] | None:
    """Return the voices of an ElevenLabs account (`GET /v2/voices`), in pages.

    Args:
        client: Sends requests with the base URL and the key.

    Raises:
        ListingFailed: They cannot be read.
    """
    found: list[ListedVoice] = []
    query: dict[str, str] = {"page_size": str(_PAGE)}
    while len(found) < _MOST:
        page = await _get(client, "/v2/voices", query)
        found += _elevenlabs_page(_dicts(page.get("voices")))
        token = page.get("next_page_token")
        if not page.get("has_more") or not isinstance(token, str) or not token:
            break
        query["next_page_token"] = token
    return _sorted(found)


async def openai_compatible_voices(client: httpx.AsyncClient) -> tuple[ListedVoice, ...] | None:
    """Return the voices of a server that lists them (`GET /audio/voices`, as Kokoro-FastAPI does); None if it does not.

    Raises:
        ListingFailed: The server does not answer.
    """
    page = await _get_if_any(client, "/audio/voices")
    if page is None:
        return None
    listed = page.get("voices")
    names = listed if isinstance(listed, list) else []
    texts = (name if isinstance(name, str) else _text(name, "id") for name in names)
    return _sorted(ListedVoice(name) for name in texts if name)


async def custom_voices(client: httpx.AsyncClient) -> tuple[ListedVoice, ...] | None:
    """Return the voices of a backend that implements the published contract (`GET /voices`); None if it lists none.

    Raises:
        ListingFailed: The backend does not answer.
    """
    page = await _get_if_any(client, "/voices")
    if page is None:
        return None
    return _sorted(
        ListedVoice(
            voice_id,
            _text(voice, "name"),
            tuple(tag for tag in voice.get("languages") or () if isinstance(tag, str)),
            _gender(voice.get("gender")),
            _text(voice, "style"),
        )
        for voice in _dicts(page.get("voices"))
        if (voice_id := _text(voice, "id"))
    )


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
        response = await client.get(path, params=dict(query))
    except httpx.HTTPError as error:
        raise ListingFailed("it did not answer") from error
    if response.status_code in (404, 405, 501):
        raise _NotThere("it lists no voices")
    if not response.is_success or len(response.content) > _MOST_BYTES:
        raise ListingFailed(f"it answered with {response.status_code}")
    try:
        body = response.json()
    except ValueError as error:
        raise ListingFailed("its answer is not JSON") from error
    # Some servers answer with the list alone.
    return body if isinstance(body, dict) else {"voices": body}


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _text(values: object, name: str) -> str:
    value = values.get(name) if isinstance(values, dict) else None
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _gender(value: object) -> Gender | None:
    return next((gender for gender in Gender if gender == value), None)


def _sorted(voices: Iterable[ListedVoice]) -> tuple[ListedVoice, ...]:
    return tuple(sorted({voice.id: voice for voice in voices}.values(), key=lambda voice: voice.id))
