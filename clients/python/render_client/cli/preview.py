"""`render preview`: the pictures of a job, or one frame of a project that is being edited."""

import contextlib
import tempfile
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Callable, NoReturn, Optional

import typer

from render_client.cli.ids import find_job
from render_client.cli.options import Artifact, AspectRatio, output_options, parse_pairs
from render_client.cli.session import Machine, Variables, output_for, reported_errors

if TYPE_CHECKING:
    from render_client.cli.output import Output
    from render_client.sync import RenderClient

_POLL_SECONDS = 0.1


class ImageFormat(str, Enum):
    """File formats of a frame."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


def preview(
    context: typer.Context,
    *,
    target: Annotated[str, typer.Argument(metavar="JOB_ID|FILE", help="Id of a job, or a project file.")],
    at: Annotated[
        Optional[float], typer.Option(min=0, metavar="SECONDS", help="Time of the frame. Default: the middle.")
    ] = None,
    shot: Annotated[str, typer.Option(help="Shot that --at counts in. Default: the whole video.")] = "",
    download: Annotated[Optional[Path], typer.Option("--output", "-o", help="File for the frame.")] = None,
    image_format: Annotated[ImageFormat, typer.Option("--format", help="File format of the frame.")] = ImageFormat.PNG,
    aspect_ratio: Annotated[
        Optional[AspectRatio], typer.Option("--aspect-ratio", help="Aspect ratio of the frame.")
    ] = None,
    variable: Variables = None,
    watch: Annotated[bool, typer.Option("--watch", help="Draw the frame again whenever the file is saved.")] = False,
    folder: Annotated[
        Optional[Path], typer.Option("--folder", help="Folder for the pictures of a job. Default: a temporary one.")
    ] = None,
    show: Annotated[bool, typer.Option(help="Open the pictures.")] = True,
    machine: Machine = False,
) -> None:
    """Open the poster and the contact sheet of a job, or one frame of a project without rendering its video."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        file = Path(target)
        if not file.is_file():
            _save_job(client, output, target, folder, show=show)
            return
        path = download or Path(tempfile.mkdtemp(prefix="render-")) / f"{file.stem}.{image_format.value}"

        def draw() -> None:
            drawn = client.frame(
                context.obj.project(file),
                shot_id=shot,
                time=at,
                output=output_options(aspect_ratio, 0, None, None),
                variables=parse_pairs(variable, "--var"),
                image_format=image_format.value,
            )
            # Viewers that follow the file must never read half of it.
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(drawn.image)
            part.replace(path)
            if machine:
                output.value({"file": str(path), "shotId": drawn.shot_id, "time": drawn.time.ToJsonString()})
            else:
                typer.echo(path)

        if watch:
            _draw_when_saved(draw, file, lambda error: output.fail(error, context.obj.target, context.obj.document))
        draw()
        if show:
            typer.launch(str(path))


def _draw_when_saved(draw: Callable[[], None], file: Path, fail: Callable[[Exception], object]) -> NoReturn:
    """Draw now and whenever the file changes, until Ctrl-C; `fail` reports faults, and the next change is awaited."""
    from render_client.errors import RenderError
    from render_client.projects_file import ProjectFileError

    drawn: Optional[tuple[int, int]] = None
    while True:
        with contextlib.suppress(FileNotFoundError):  # an editor replaces it at this moment
            status = file.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != drawn:
                drawn = seen
                try:
                    draw()
                except (RenderError, ProjectFileError) as error:
                    fail(error)
        time.sleep(_POLL_SECONDS)


def _save_job(client: "RenderClient", output: "Output", target: str, folder: Optional[Path], *, show: bool) -> None:
    """Save the poster and the contact sheet of a job, and open them."""
    from render_client.cli.watching import fetch

    job_id = find_job(client, target)
    job = client.get(job_id)
    folder = folder or Path(tempfile.mkdtemp(prefix="render-"))
    for artifact in (Artifact.POSTER, Artifact.CONTACT_SHEET):
        path = folder / artifact.file_name(job)
        fetch(client, output, job_id, path, artifact.artifact_name)
        if show:
            typer.launch(str(path))
