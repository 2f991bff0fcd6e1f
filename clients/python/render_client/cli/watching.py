"""Watches jobs and downloads their files for the commands that stay until the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from render_client.aio import AsyncRenderClient
from render_client.cli.exit_codes import JOB_FAILED
from render_client.cli.options import Artifact
from render_client.cli.output import Output, end_code
from render_client.cli.progress import WatchDisplay, show_download
from render_client.cli.session import Connection
from render_client.config import ClientConfig
from render_client.download import ProgressCallback
from render_client.errors import RenderError
from render_client.messages import ArtifactName, has_ended
from render_client.sync import RenderClient
from render_client.v1 import job_pb2


def _watch_all(
    config: ClientConfig, output: Output, job_ids: list[str], after_sequence: int | None = None
) -> tuple[int, list[RenderError]]:
    """Watch jobs until all have ended.

    Returns:
        The exit code of the worst end, and the errors of jobs that could not be watched.
    """
    ends: list[job_pb2.JobEvent] = []

    async def watch(client: AsyncRenderClient, display: WatchDisplay, job_id: str) -> None:
        async for event in client.watch(job_id, after_sequence=after_sequence):
            if output.machine:
                output.message(event)
            else:
                display.show(event)
            if has_ended(event):
                ends.append(event)

    async def watch_all() -> list[BaseException | None]:
        async with AsyncRenderClient.from_config(config) as client:
            with WatchDisplay(output.err) as display:
                # One job that cannot be watched does not end the watching of the others.
                watches = (watch(client, display, job_id) for job_id in dict.fromkeys(job_ids))
                return await asyncio.gather(*watches, return_exceptions=True)

    faults = []
    for outcome in asyncio.run(watch_all()):
        if isinstance(outcome, RenderError):
            faults.append(outcome)
        elif outcome is not None:
            raise outcome
    codes = {end_code(end.status) for end in ends}
    return (JOB_FAILED if JOB_FAILED in codes else max(codes, default=0)), faults


def finish(
    connection: Connection,
    output: Output,
    job_ids: list[str],
    path: Path | None,
    after_sequence: int | None = None,
    *,
    outputs: Sequence[str] = (),
) -> None:
    """Watch jobs until they end, download the videos of a single one, and exit with the code of the worst end.

    Args:
        connection: The service.
        output: Where people or programs read.
        job_ids: The jobs.
        path: Where the video is saved; with several outputs, each has its name before the ending.
        after_sequence: Only later events are shown.
        outputs: Names of the outputs of a job with several.

    Raises:
        typer.Exit: Always.
    """
    connection.watched = job_ids
    code, faults = _watch_all(connection.config(), output, job_ids, after_sequence)
    for fault in faults:
        code = output.fail(fault, connection.target)
    if path is not None and code == 0:
        with connection.client() as client:
            for name in outputs or [""]:
                place = path.with_name(f"{path.stem}-{name}{_ending(client, job_ids[0], name)}") if name else path
                fetch(client, output, job_ids[0], place, "video", of=name)
    raise typer.Exit(code)


def _ending(client: RenderClient, job_id: str, name: str) -> str:
    """Return the ending of the file of an output."""
    return Path(Artifact.VIDEO.file_name(client.get(job_id), name)).suffix


def fetch(
    client: RenderClient, output: Output, job_id: str, path: Path, artifact: ArtifactName, *, of: str = ""
) -> None:
    """Download a file of a job, or its stream into a folder, and show the progress to people."""

    def download(progress: ProgressCallback | None) -> tuple[Path, ...]:
        if artifact in ("hls", "dash"):
            return client.download_stream(job_id, path, on_progress=progress)
        return (client.download(job_id, path, artifact=artifact, output=of, on_progress=progress),)

    if output.machine:
        size = sum(file.stat().st_size for file in download(None))
        output.value({"job_id": job_id, "path": str(path), "size_bytes": size})
        return
    show_download(download, path.name, output.err)
    output.say(f"saved {path}")
