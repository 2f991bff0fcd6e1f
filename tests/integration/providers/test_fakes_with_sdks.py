"""The fakes are what the providers' own packages take for the real thing."""

from collections.abc import AsyncIterator
from typing import Any

import fal_client
import pytest
from fal_client import client as fal_module
from runwayml import AsyncRunwayML, AuthenticationError, BadRequestError, NotFoundError, RateLimitError
from runwayml.lib import polling

from tests.fakes import fal, runway
from tests.fakes.fal import FakeFal
from tests.fakes.generating import TaskPlan
from tests.fakes.http_server import Fault
from tests.fakes.runway import FakeRunway

TEXT: dict[str, Any] = {"model": "gen4.5", "prompt_text": "A harbour at dawn", "ratio": "1280:720", "duration": 5}
PIKA = "fal-ai/pika/v2.2/text-to-video"
PIKA_TEXT: dict[str, Any] = {"prompt": "A harbour at dawn", "aspect_ratio": "16:9", "resolution": "720p", "duration": 5}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "POLL_TIME", 0.05)
    monkeypatch.setattr(polling, "POLL_JITTER", 0.0)


@pytest.fixture
async def fake_runway() -> AsyncIterator[FakeRunway]:
    async with FakeRunway() as fake:
        yield fake


@pytest.fixture
async def runway_sdk(fake_runway: FakeRunway) -> AsyncIterator[AsyncRunwayML]:
    async with AsyncRunwayML(api_key=runway.KEY, base_url=fake_runway.url, max_retries=0) as client:
        yield client


@pytest.fixture
async def fake_fal(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFal]:
    async with FakeFal() as fake:
        monkeypatch.setattr(fal_module, "QUEUE_URL_FORMAT", f"{fake.url}/")
        yield fake


@pytest.fixture
async def fal_sdk(fake_fal: FakeFal) -> AsyncIterator[fal_client.AsyncClient]:
    client = fal_client.AsyncClient(key=fal.KEY)
    yield client
    await (await client._client).aclose()


async def test_runways_package_submits_waits_and_reads_the_result(
    fake_runway: FakeRunway, runway_sdk: AsyncRunwayML
) -> None:
    phase = 3600.0  # seconds; far longer than any call takes
    fake_runway.plan = lambda body: TaskPlan(throttled=phase, queued=phase, running=phase)
    created = await runway_sdk.text_to_video.create(**TEXT)
    assert created.model_extra is not None
    for status in ("THROTTLED", "PENDING", "RUNNING"):
        assert (await runway_sdk.tasks.retrieve(created.id)).status == status
        fake_runway.tasks[created.id].created -= phase
    done = await created.wait_for_task_output()
    assert done.status == "SUCCEEDED"
    assert done.output[0].endswith(".mp4")
    assert done.cost.credits == 60


async def test_runways_package_uploads_a_picture_and_starts_from_it(
    fake_runway: FakeRunway, runway_sdk: AsyncRunwayML
) -> None:
    uploaded = await runway_sdk.uploads.create_ephemeral(file=("dawn.png", b"\x89PNG\r\n\x1a\nrest"))
    assert fake_runway.uploads[uploaded.uri] == b"\x89PNG\r\n\x1a\nrest"
    await runway_sdk.image_to_video.create(
        model="gen4_turbo", prompt_image=uploaded.uri, ratio="1280:720", duration=5, prompt_text="It moves"
    )
    assert fake_runway.bill[0]["promptImage"] == uploaded.uri


async def test_runways_package_sees_failures_and_cancels(fake_runway: FakeRunway, runway_sdk: AsyncRunwayML) -> None:
    fake_runway.plan = lambda body: TaskPlan(running=0, failure="SAFETY.INPUT.TEXT")
    created = await runway_sdk.text_to_video.create(**TEXT)
    with pytest.raises(polling.TaskFailedError) as failed:
        await created.wait_for_task_output()
    assert failed.value.task_details.status == "FAILED"
    assert failed.value.task_details.failure_code == "SAFETY.INPUT.TEXT"
    fake_runway.plan = lambda body: TaskPlan(running=60)
    running = await runway_sdk.text_to_video.create(**TEXT)
    await runway_sdk.tasks.delete(running.id)
    assert (await runway_sdk.tasks.retrieve(running.id)).status == "CANCELLED"


async def test_runways_package_understands_refusals(fake_runway: FakeRunway, runway_sdk: AsyncRunwayML) -> None:
    with pytest.raises(BadRequestError):
        await runway_sdk.text_to_video.create(**{**TEXT, "prompt_text": "x" * 1001})
    with pytest.raises(NotFoundError):
        await runway_sdk.tasks.retrieve("nothing")
    fake_runway.faults = [("POST", Fault(status=429, retry_after="1"))]
    with pytest.raises(RateLimitError):
        await runway_sdk.text_to_video.create(**TEXT)
    async with AsyncRunwayML(api_key="wrong", base_url=fake_runway.url, max_retries=0) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.tasks.retrieve("nothing")
    assert not fake_runway.bill


async def test_fals_package_submits_waits_and_reads_the_result(
    fake_fal: FakeFal, fal_sdk: fal_client.AsyncClient
) -> None:
    fake_fal.plan = lambda body: TaskPlan(queued=0.2, running=0.2)
    handle = await fal_sdk.submit(PIKA, PIKA_TEXT)
    assert isinstance(await handle.status(), fal_client.Queued)
    queued = await fal_sdk.status(PIKA, handle.request_id)
    assert isinstance(queued, fal_client.Queued)
    assert queued.position == 3
    seen = {type(event) async for event in handle.iter_events(interval=0.05)}
    assert {fal_client.InProgress, fal_client.Completed} <= seen
    assert (await handle.get())["video"]["url"].endswith(".mp4")
    assert fake_fal.bill == [{**PIKA_TEXT, "endpoint": "text-to-video"}]


async def test_fals_package_asks_to_be_called_back_as_we_do(fake_fal: FakeFal, fal_sdk: fal_client.AsyncClient) -> None:
    url = "http://127.0.0.1:9/callbacks/pika/1?with=query&and=more"
    await fal_sdk.submit(PIKA, PIKA_TEXT, webhook_url=url)
    assert [task.callback_url for task in fake_fal.tasks.values()] == [url]


async def test_fals_package_sees_failures_and_cancels(fake_fal: FakeFal, fal_sdk: fal_client.AsyncClient) -> None:
    fake_fal.plan = lambda body: TaskPlan(running=0, failure="content_policy_violation")
    handle = await fal_sdk.submit(PIKA, PIKA_TEXT)
    status = await handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "content_policy_violation"
    with pytest.raises(fal_client.FalClientHTTPError) as failed:
        await handle.get()
    assert failed.value.status_code == 422
    fake_fal.plan = lambda body: TaskPlan(queued=60)
    waiting = await fal_sdk.submit(PIKA, PIKA_TEXT)
    await waiting.cancel()
    assert fake_fal.tasks[waiting.request_id].cancelled
