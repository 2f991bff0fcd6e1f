"""The speech backend that people may copy speaks for the provider `custom`, and the OpenAPI file says what is sent."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jsonschema
import pytest
import yaml

from examples.custom_speech.backend import Backend, Refused, serve
from render_service.db.database import Database
from render_service.domain.errors import ErrorReason
from render_service.domain.speech.voices import VOICES
from render_service.voices.catalog import VoiceCatalog
from tests.fakes.speech import KEY, tone
from tests.speech_bench import CUSTOM, open_speech_bench, settings_of, spec_of

OPENAPI = Path(__file__).parents[3] / "docs/reference/custom-speech.yaml"


class Voice:
    """Speaks a tone, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []

    def __call__(self, body: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
        if "@" in body["text"]:
            raise Refused("text: cannot read @")
        self.bodies.append(body)
        path.write_bytes(tone(len(body["text"])))
        return [{"text": "Hello", "start": 0.1, "end": 0.3}]


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture
def backend_url(tmp_path: Path, voice: Voice) -> Iterator[str]:
    folder = tmp_path / "answers"
    folder.mkdir()
    server = serve(Backend(folder, voice), 0, KEY)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def check(name: str, value: object) -> None:
    document = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


async def test_the_example_speaks_as_the_contract_says(
    backend_url: str, voice: Voice, database: Database, tmp_path: Path
) -> None:
    async with open_speech_bench(database, tmp_path, {CUSTOM: backend_url}) as bench:
        narrated, _ = await bench.run(spec_of(CUSTOM, "Hello there.", options={"pitch": 2}))
        failure = await bench.fail(spec_of(CUSTOM, "a@b"))
    assert [word.text for word in narrated.spec.project.shots[0].words] == ["Hello"]
    [body] = voice.bodies
    check("Text", body)
    assert body["options"] == {"pitch": 2}
    assert (failure.reason, failure.message) == (
        ErrorReason.PROVIDER_FAILED,
        "shot s1: custom responded with 422: text: cannot read @",
    )


async def test_a_key_is_spoken_once_and_voices_are_listed(backend_url: str, voice: Voice) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(base_url=backend_url, headers=headers) as client:
        answers = [(await client.post("/speech", json={"text": "Hi"})).json() for _ in range(2)]
        listed = (await client.get("/voices")).json()
    assert answers[0] == answers[1]
    assert len(voice.bodies) == 1
    check("Sound", answers[0])
    for one in listed["voices"]:
        check("Voice", one)
    voices = await VoiceCatalog(settings_of({CUSTOM: backend_url})).list(CUSTOM)
    assert voices is not None
    assert {one.id for one in voices} == {one.id for one in VOICES}
