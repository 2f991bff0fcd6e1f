"""Relays the progress of a render over a WebSocket, resumed by `after_sequence`.

Needs fastapi, uvicorn, websockets and render-client; the service is configured as for the `render` command.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from render_client import (
    AsyncRenderClient,
    ClientConfig,
    InvalidRequestError,
    NotFoundError,
    RenderError,
    stage_name,
    status_name,
)

DONE, UNKNOWN_JOB, TRY_AGAIN = 1000, 4404, 1013


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncRenderClient.from_config(ClientConfig.load()) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=connected)


@app.websocket("/jobs/{job_id}/progress")
async def progress(websocket: WebSocket, job_id: str, after_sequence: int | None = None) -> None:
    # Check here whether this caller may see this job.
    await websocket.accept()
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send_progress(websocket, job_id, after_sequence))
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
        sending.cancel()  # closes the watch; the job continues


async def send_progress(websocket: WebSocket, job_id: str, after_sequence: int | None) -> None:
    with suppress(WebSocketDisconnect):
        try:
            async with aclosing(app.state.client.watch(job_id, after_sequence=after_sequence)) as watch:
                async for event in watch:
                    # A watch also repeats the last event to a client that has it.
                    if after_sequence is None or event.sequence > after_sequence:
                        await websocket.send_json(
                            {
                                "sequence": event.sequence,
                                "status": status_name(event.status),
                                "stage": stage_name(event.stage),
                                "progress": event.progress,
                                "message": event.message,
                                "error": event.error_message,
                            }
                        )
            await websocket.close(DONE)
        except (NotFoundError, InvalidRequestError):
            await websocket.close(UNKNOWN_JOB)
        except RenderError:
            await websocket.close(TRY_AGAIN)
