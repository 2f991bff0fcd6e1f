"""The command `render start`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from render_client.cli.ids import find_project
from render_client.cli.options import (
    AspectRatio,
    Codec,
    FileFormat,
    Loudness,
    Quality,
    label_as_generated,
    output_options,
    parse_pairs,
    provider_options,
    speech_of,
)
from render_client.cli.session import (
    Labels,
    Language,
    Machine,
    Model,
    PosterTime,
    Priority,
    ProjectFile,
    RequestId,
    Sidecars,
    SpeechProvider,
    Stems,
    StoredProject,
    Variables,
    Voice,
    output_for,
    reported_errors,
)
from render_client.cli.starting.outputs import Outputs, parse_outputs


def start(
    context: typer.Context,
    *,
    file: ProjectFile = None,
    project_id: StoredProject = None,
    provider: Annotated[Optional[str], typer.Option(help="local, runway, pika, custom or mock.")] = None,
    model: Model = None,
    speech_provider: SpeechProvider = None,
    voice: Voice = None,
    language: Language = None,
    aspect_ratio: Annotated[
        Optional[AspectRatio], typer.Option("--aspect-ratio", help="Aspect ratio of the video.")
    ] = None,
    fps: Annotated[int, typer.Option(help="Frames per second: 24, 25, 30, 50 or 60.", show_default=False)] = 0,
    quality: Annotated[Optional[Quality], typer.Option(help="Quality preset.")] = None,
    container: Annotated[Optional[FileFormat], typer.Option("--format", help="File format.")] = None,
    codec: Annotated[Optional[Codec], typer.Option(help="Codec of the pictures.")] = None,
    loudness: Annotated[
        Optional[Loudness], typer.Option(help="Loudness: online −14 LUFS, podcast −16, broadcast −23.")
    ] = None,
    stems: Stems = None,
    sidecar: Sidecars = None,
    poster_time: PosterTime = None,
    ai_label: Annotated[
        bool, typer.Option("--ai-label", help="Label the video as generated, for viewers and in its metadata.")
    ] = False,
    ai_label_text: Annotated[
        Optional[str], typer.Option(help="What the label says instead of “AI-generated”. Implies --ai-label.")
    ] = None,
    ai_producer: Annotated[
        Optional[str], typer.Option(help="Producer that the label's metadata name. Implies --ai-label.")
    ] = None,
    outputs: Outputs = None,
    variable: Variables = None,
    label: Labels = None,
    priority: Priority = 0,
    request_id: RequestId = None,
    webhook: Annotated[Optional[str], typer.Option(metavar="URL", help="URL to notify when the job ends.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Wait and show the progress.")] = False,
    download: Annotated[
        Optional[Path],
        typer.Option(
            "--download",
            "-o",
            help="Wait, and download the video to this path; of several, each with its name before the ending.",
        ),
    ] = None,
    machine: Machine = False,
) -> None:
    """Start a render and print the job."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        if (file is None) == (project_id is None):
            raise typer.BadParameter("give exactly one of FILE and --project-id")
        if project_id is not None:
            project_id = find_project(client, project_id)
        options = output_options(
            aspect_ratio,
            fps,
            quality,
            container,
            codec=codec,
            loudness=loudness,
            stems=stems,
            sidecars=sidecar or (),
            poster_time=poster_time,
        )
        label_as_generated(options, ai_label, ai_label_text, ai_producer)
        named = parse_outputs(outputs, options)
        job = client.start(
            context.obj.project(file) if file else None,
            project_id=project_id,
            provider=provider,
            output=None if named else options,
            outputs=named,
            request_id=request_id,
            labels=parse_pairs(label, "--label"),
            provider_options=provider_options(model),
            priority=priority,
            variables=parse_pairs(variable, "--var"),
            webhook_url=webhook,
            speech_provider=speech_provider,
            speech=speech_of(voice, language),
        )
        if not watch and download is None:
            # For scripts without --json: standard output holds the id only.
            if machine:
                output.job(job)
            else:
                print(job.job_id)
            output.say(f"watch it: render watch {job.job_id}")
            return
        output.say(f"job {job.job_id}")
        from render_client.cli.watching import finish

        finish(context.obj, output, [job.job_id], download, outputs=[one.name for one in named])
