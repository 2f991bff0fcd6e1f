"""A caller's main job, run with old and new versions of Python, protobuf and grpcio: start, watch, download, fail."""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import google.protobuf
import grpc
from render_client import (
    AsyncRenderClient,
    InvalidRequestError,
    JobFailedError,
    NotFoundError,
    RenderClient,
    RenderError,
    load_project,
    seconds,
)
from render_client.v1 import project_pb2


def error_of(call: Callable[[], object], kind: type[RenderError]) -> str:
    """Return the reason of the error that a call raises; it must be of a kind."""
    try:
        call()
    except kind as error:
        return error.reason
    raise AssertionError(f"no {kind.__name__}")


async def with_asyncio(target: str, folder: Path) -> None:
    """Render with the asyncio client."""
    async with AsyncRenderClient(target, token="a-token") as client:
        await client.render(project_pb2.Project(title="Sea"), output=folder / "asyncio.mp4", timeout=60)
        assert [job async for job in client.list(statuses=["COMPLETED"])]


def main(target: str, folder: Path) -> None:
    """Run against a fake service that refuses the title `refused` and fails the title `fails`."""
    (folder / "project.json").write_text(
        '// a comment\n{"title": "Sea", "storyboard": {"shots": [{"caption": "sea", "duration": "1.5s"}]}}'
    )
    project = load_project(folder / "project.json")
    assert project.storyboard.shots[0].duration == seconds(timedelta(seconds=1.5))
    seen = []
    with RenderClient(target, token="a-token") as client:
        job = client.render(project, output=folder / "video.mp4", on_progress=lambda event: seen.append(event.sequence))
        assert seen == sorted(set(seen))
        assert client.get(job.job_id).status == job.status
        assert (folder / "video.mp4").stat().st_size > 0
        for title, kind, reason in (
            ("refused", InvalidRequestError, "INVALID_FIELD"),
            ("fails", JobFailedError, "ASSET_INVALID"),
        ):
            assert (
                error_of(partial(client.render, project_pb2.Project(title=title), output=folder / "no"), kind) == reason
            )
        assert error_of(partial(client.get, "nothing"), NotFoundError) == "JOB_NOT_FOUND"
    asyncio.run(with_asyncio(target, folder))
    versions = (*sys.version_info[:2], google.protobuf.__version__, grpc.__version__)
    print("python {}.{}, protobuf {}, grpcio {}: right".format(*versions))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
