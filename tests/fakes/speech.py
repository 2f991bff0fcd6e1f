"""Fakes of the speech providers, which speak tones, and keep a bill."""

import asyncio
import base64
import io
import wave
from collections.abc import Callable
from functools import cache
from typing import Any

import av
import numpy as np

from tests.fakes.http_server import FakeServer, Request, Response, answer

KEY = "speech-key-of-the-fakes"
SECONDS_A_CHARACTER = 0.05
VOICES = {"JBFqnCBsd6RMkjVDRZzb": "George", "21m00Tcm4TlvDq8ikWAM": "Rachel"}
Refuse = Callable[[dict[str, Any]], Response | None]


@cache
def tone(characters: int) -> bytes:
    """A WAV file of 24 kHz mono that lasts as long as a text of some characters."""
    samples = int(24_000 * SECONDS_A_CHARACTER * characters)
    wanted = (np.sin(np.arange(samples) * 2 * np.pi * 220 / 24_000) * 8000).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(wanted.tobytes())
    return file.getvalue()


@cache
def mp3(characters: int) -> bytes:
    """The same as MP3."""
    file = io.BytesIO()
    with av.open(io.BytesIO(tone(characters)), "r") as source, av.open(file, "w", format="mp3") as target:
        stream = target.add_stream("libmp3lame", rate=44_100, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler("s16p", "mono", 44_100, frame_size=1152)
        for frame in (*source.decode(audio=0), None):
            for part in resampler.resample(frame):
                target.mux(stream.encode(part))
        target.mux(stream.encode(None))
    return file.getvalue()


class SpeechServer(FakeServer):
    """What the fakes share: the bill, refusals, and how many requests are in progress."""

    def __init__(self) -> None:
        super().__init__()
        self.bill: list[dict[str, Any]] = []
        """The body of every request that was charged, in order."""
        self.refuse: Refuse = lambda body: None
        """Returns an answer in place of a sound, which is not charged."""
        self.silent = False
        """Whether sounds cannot be decoded."""
        self.seconds = 0.0
        """How long speaking takes."""
        self.hold_for = 0
        """How many requests must be in progress before any is answered."""
        self.at_once = 0
        self.most_at_once = 0
        self._full = asyncio.Event()

    async def charge(self, body: dict[str, Any], text: str) -> Response | None:
        """Charge a request; return an answer where it is refused."""
        refusal = self.refuse(body)
        if refusal is not None:
            return refusal
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.seconds)
        if self.at_once >= self.hold_for:
            self._full.set()
        await self._full.wait()
        self.at_once -= 1
        self.bill.append({**body, "characters": len(text)})
        return None

    def sound(self, text: str, make: Callable[[int], bytes]) -> bytes:
        """The sound of a text."""
        return b"no sound" if self.silent else make(len(text))


class FakeElevenLabs(SpeechServer):
    """ElevenLabs."""

    async def handle(self, request: Request) -> Response:
        if request.headers.get("xi-api-key") != KEY:
            detail = {"status": "invalid_api_key", "message": f"Invalid API key {request.headers.get('xi-api-key')}"}
            return answer({"detail": detail}, 401)
        match request.method, request.path.split("/")[1:]:
            case "GET", ["v2", "voices"]:
                return self._voices(request)
            case "POST", ["v1", "text-to-speech", voice, "with-timestamps"]:
                return await self._speak(voice, request)
        return answer({"detail": {"status": "not_found", "message": "Not Found"}}, 404)

    def _voices(self, request: Request) -> Response:
        """One voice a page."""
        first = int(request.query.get("next_page_token", ["0"])[0])
        voice_id, name = list(VOICES.items())[first]
        labels = {
            "accent": "british",
            "gender": "male" if name == "George" else "female",
            "use_case": "narrative_story",
        }
        verified = [{"language": "en", "locale": "en-GB", "model_id": "eleven_v3"}]
        voice = {"voice_id": voice_id, "name": name, "labels": labels, "verified_languages": verified}
        has_more = first + 1 < len(VOICES)
        page = {"voices": [voice], "has_more": has_more, "total_count": len(VOICES)}
        return answer({**page, "next_page_token": str(first + 1) if has_more else None})

    async def _speak(self, voice: str, request: Request) -> Response:
        body = request.json()
        text = body["text"]
        if voice not in VOICES:
            return answer({"detail": {"status": "voice_not_found", "message": f"No voice {voice}"}}, 404)
        if not text:
            return answer({"detail": [{"loc": ["body", "text"], "msg": "must not be empty", "type": "value"}]}, 422)
        refusal = await self.charge({**body, "voice": voice}, text)
        if refusal is not None:
            return refusal
        starts = [place * SECONDS_A_CHARACTER for place in range(len(text))]
        alignment = {
            "characters": list(text),
            "character_start_times_seconds": starts,
            "character_end_times_seconds": [start + SECONDS_A_CHARACTER for start in starts],
        }
        sound = base64.b64encode(self.sound(text, mp3)).decode()
        spoken = {"audio_base64": sound, "alignment": alignment, "normalized_alignment": alignment}
        return answer(spoken, headers={"request-id": f"r{len(self.bill)}", "character-cost": str(len(text))})


class FakeOpenAi(SpeechServer):
    """A server that implements OpenAI's speech API, and Kokoro-FastAPI's additions."""

    async def handle(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return answer({"error": {"message": "Incorrect API key", "type": "auth", "code": "invalid_api_key"}}, 401)
        match request.method, request.path:
            case "GET", "/v1/audio/voices":
                return answer({"voices": ["alloy", "nova"]})
            case "POST", "/v1/audio/speech":
                text = request.json()["input"]
                refusal = await self.charge(request.json(), text)
                headers = {"Content-Type": "audio/wav", "x-request-id": f"r{len(self.bill)}"}
                return refusal or Response(200, self.sound(text, tone), headers)
            case "POST", "/dev/captioned_speech":
                return await self._captioned(request)
        return answer({"error": {"message": "not found", "type": "invalid_request_error", "code": None}}, 404)

    async def _captioned(self, request: Request) -> Response:
        text = request.json()["input"]
        refusal = await self.charge(request.json(), text)
        if refusal is not None:
            return refusal
        times, before = [], 0
        for word in text.split():
            end = before + len(word)
            span = {"start_time": before * SECONDS_A_CHARACTER, "end_time": end * SECONDS_A_CHARACTER}
            times.append({"word": word, **span})
            before = end + 1
        sound = base64.b64encode(self.sound(text, tone)).decode()
        return answer({"audio": sound, "audio_format": "audio/wav", "timestamps": times})


class FakeCustomSpeech(SpeechServer):
    """A backend that implements the published contract, with idempotency keys."""

    def __init__(self) -> None:
        super().__init__()
        self.submissions = 0
        self._spoken: dict[str, Response] = {}

    async def handle(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return answer({"error": {"code": "unauthorized", "message": "wrong key"}}, 401)
        match request.method, request.path:
            case "GET", "/voices":
                return answer({"voices": [{"id": "anna", "name": "Anna", "languages": ["de-DE"], "gender": "female"}]})
            case "POST", "/speech":
                return await self._speak(request)
        return answer({"error": {"code": "not_found", "message": "no such path"}}, 404)

    async def _speak(self, request: Request) -> Response:
        self.submissions += 1
        key, body = request.headers["idempotency-key"], request.json()
        if key not in self._spoken:
            refusal = await self.charge(body, body["text"])
            if refusal is not None:
                return refusal
            word = {"text": body["text"].split()[0], "start": 0.0, "end": 0.2}
            sound = base64.b64encode(self.sound(body["text"], tone)).decode()
            cost = {"amount": "0.003", "currency": "USD"}
            spoken = {"id": f"r{len(self.bill)}", "audio": sound, "words": [word], "cost": cost}
            self._spoken[key] = answer(spoken)
        return self._spoken[key]
