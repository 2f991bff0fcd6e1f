"""Browsers behind the relays receive every change of a job once, in order, to its end, whatever breaks in between."""

import asyncio

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.integration.relays.browsers import Browser, EventSource, WebSocketPage
from tests.integration.relays.conftest import Service, Starter, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSERS = pytest.mark.parametrize("browser", [EventSource, WebSocketPage], ids=["sse", "websocket"])
ABSENT = "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"


async def check_delivered(service: Service, job_id: str, browser: Browser, after: int = 0) -> None:
    """Ordered, unique, complete, and the end last."""
    sequences = [event["sequence"] for event in browser.events]
    assert sequences == sorted(set(sequences))
    expected = {event.sequence for event in await service.milestones(job_id) if event.sequence > after}
    assert expected <= set(sequences), "a change of state or stage was skipped"
    ends = [event["status"] for event in browser.events if event["status"] not in ("PENDING", "PROCESSING")]
    assert ends == ["COMPLETED"]
    assert browser.events[-1]["status"] == "COMPLETED"
    stages = {event["stage"] for event in browser.events if event["status"] == "PROCESSING"}
    assert stages >= {"PREPARING", "GENERATING", "COMPOSING", "UPLOADING"} or after


@BROWSERS
async def test_no_event_is_lost_or_repeated_while_relay_and_server_are_killed(
    service: Service, start_web_relay: Starter, browser: type[Browser]
) -> None:
    relay = await start_web_relay(browser.relay)
    job_id = await service.start()
    assert relay.port is not None
    page = browser(relay.port, job_id, after=0)
    reading = asyncio.create_task(page.read())
    working = asyncio.create_task(service.live(await service.claim()))
    await until(lambda: len(page.events) > 10)
    await relay.kill()
    await asyncio.sleep(0.2)
    await relay.start()
    await until(lambda: page.connections > 1)
    service.stack.server.kill()
    await service.stack.start_server()
    await relay.kill()
    await relay.start()
    async with asyncio.timeout(30):
        await asyncio.gather(reading, working)
    await check_delivered(service, job_id, page)
    assert page.connections >= 3


@BROWSERS
async def test_a_page_that_knows_a_sequence_receives_what_follows_it(
    service: Service, start_web_relay: Starter, browser: type[Browser]
) -> None:
    relay = await start_web_relay(browser.relay)
    job_id = await service.start()
    await service.live(await service.claim(), steps=8, pause=0)
    assert relay.port is not None
    milestones = [event.sequence for event in await service.milestones(job_id)]
    page = browser(relay.port, job_id, after=milestones[2])
    await asyncio.wait_for(page.read(), 20)
    await check_delivered(service, job_id, page, after=milestones[2])
    seen_all = browser(relay.port, job_id, after=milestones[-1])
    await asyncio.wait_for(seen_all.read(), 20)
    assert seen_all.events == []


@BROWSERS
async def test_a_page_opened_while_the_service_is_down_receives_everything_later(
    service: Service, start_web_relay: Starter, browser: type[Browser]
) -> None:
    relay = await start_web_relay(browser.relay)
    job_id = await service.start()
    claim = await service.claim()
    service.stack.server.kill()
    assert relay.port is not None
    page = browser(relay.port, job_id, after=0)
    reading = asyncio.create_task(page.read())
    await service.live(claim, steps=8, pause=0.05)
    await service.stack.start_server()
    await asyncio.wait_for(reading, 60)
    await check_delivered(service, job_id, page)


@BROWSERS
async def test_a_closed_page_ends_its_watch_and_not_the_job(
    service: Service, start_web_relay: Starter, browser: type[Browser]
) -> None:
    relay = await start_web_relay(browser.relay)
    job_id = await service.start()
    claim = await service.claim()
    assert relay.port is not None
    before = await service.watchers()
    pages = [browser(relay.port, job_id, after=0) for _ in range(5)]
    reading = [asyncio.create_task(page.read()) for page in pages]
    await until(lambda: all(page.events for page in pages))
    assert await service.watchers() == before + 5
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)
    async with asyncio.timeout(60):
        while await service.watchers() > before:
            await asyncio.sleep(0.02)
    await service.live(claim, steps=4, pause=0)
    assert [event.status for event in await service.milestones(job_id)][-1] == "COMPLETED"


@BROWSERS
async def test_a_page_that_does_not_read_delays_nobody_and_still_learns_the_end(
    service: Service, start_web_relay: Starter, browser: type[Browser]
) -> None:
    relay = await start_web_relay(browser.relay)
    job_id = await service.start()
    claim = await service.claim()
    assert relay.port is not None
    slow, quick = browser(relay.port, job_id, after=0, window=65_536), browser(relay.port, job_id, after=0)
    readings = [asyncio.create_task(page.read()) for page in (slow, quick)]
    await until(lambda: bool(slow.events and quick.events))
    slow.awake.clear()
    await service.live(claim, steps=400, pause=0, padding="." * 24_000)
    await asyncio.wait_for(readings[1], 60)
    assert len(slow.events) < len(quick.events)
    slow.awake.set()
    await asyncio.wait_for(readings[0], 60)
    for page in (quick, slow):
        await check_delivered(service, job_id, page)


async def test_the_relays_say_when_there_is_no_such_job(service: Service, start_web_relay: Starter) -> None:
    port = (await start_web_relay("sse")).port
    async with httpx.AsyncClient(verify=False) as client:
        for job_id in (ABSENT, "nonsense"):
            assert (await client.get(f"http://127.0.0.1:{port}/jobs/{job_id}/events")).status_code == 404
    port = (await start_web_relay("websocket")).port
    async with connect(f"ws://127.0.0.1:{port}/jobs/{ABSENT}/progress", proxy=None) as page:
        with pytest.raises(ConnectionClosedError):
            await page.recv()
        assert page.close_code == 4404
