"""Relays the progress of a render to browsers as Server-Sent Events, resumed by Last-Event-ID.

Needs fastapi, uvicorn and render-client; the service is configured as for the `render` command.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent
from render_client import (
    AsyncRenderClient,
    ClientConfig,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
    has_ended,
    stage_name,
    status_name,
)


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncRenderClient.from_config(ClientConfig.load()) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=connected)


async def last_sequence(job_id: str, last_event_id: Annotated[int | None, Header()] = None) -> int | None:
    """Check the job before the stream begins. Also check here whether this caller may see this job."""
    try:
        job = await app.state.client.get(job_id)
    except (NotFoundError, InvalidRequestError):
        raise HTTPException(404) from None
    except (UnavailableError, DeadlineError):
        # Browsers reconnect after a broken stream, but not after an error status: let the stream wait for the service.
        return last_event_id
    if last_event_id is not None and last_event_id >= job.sequence and has_ended(job):
        raise HTTPException(204)  # the browser has the last event; 204 stops it from reconnecting
    return last_event_id


@app.get("/jobs/{job_id}/events", response_class=EventSourceResponse)
async def events(job_id: str, after: Annotated[int | None, Depends(last_sequence)]) -> AsyncIterator[ServerSentEvent]:
    # Closed as soon as the browser disconnects. A browser that reads slowly gets the latest progress, not all of it.
    async with aclosing(app.state.client.watch(job_id, after_sequence=after)) as watch:
        async for event in watch:
            yield ServerSentEvent(
                id=str(event.sequence),
                data={
                    "status": status_name(event.status),
                    "stage": stage_name(event.stage),
                    "progress": event.progress,
                    "message": event.message,
                    "error": event.error_message,
                },
            )
