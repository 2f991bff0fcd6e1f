"""Composes storyboards into finished, checked videos."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from render_service.compositor.composition import ComposedVideo, Composition
from render_service.compositor.faces.found import FoundFaces
from render_service.compositor.inspection import Inspection, InspectionChoices, inspect_media
from render_service.compositor.media.assets import Asset, Media
from render_service.compositor.outputs import grouped, naming
from render_service.compositor.pacing import at_target_tempo
from render_service.compositor.packaging import package_stream
from render_service.compositor.processes.limits import PROBING, RENDERING
from render_service.compositor.processes.pool import ProcessPool, Share, TaskOptions
from render_service.compositor.processes.self_test import write_and_read
from render_service.compositor.rendering import CHECKING_FROM, PictureMaker, Progress, ProgressCounter, WarningsListener
from render_service.compositor.segment_runner import PoolRunner
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.segments.ports import SegmentRunner, SegmentStore
from render_service.compositor.shared_folder import Request
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import (
    PROCESS_MODULES,
    check_request,
    draw_frame,
    probe_clip,
    probe_sound,
    segment_build,
    slow_down,
)
from render_service.domain.jobs.frame import FrameFacts, FrameRequest
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.languages import spoken_language
from render_service.domain.projects.media import ClipFacts, MediaFacts
from render_service.telemetry.tracing.spans import span

__all__ = ["CHECKING_FROM", "ComposedVideo", "Compositor"]

_SHORTEST_NARRATION = timedelta(milliseconds=1)


class Compositor:
    """Composes videos with warm worker processes; one a worker, used by all its jobs.

    Args:
        processes: How many processes work; one a core is right. A render that has none of them gets one more.
        runner: Makes the segments; None makes them in the processes here.
        folder: The only folder that the processes may read and change, see `ProcessPool`; None restricts no files.
        pool: Processes with `PROCESS_MODULES` that somebody else starts and closes, instead of the compositor's own.
    """

    def __init__(
        self,
        *,
        processes: int = 1,
        runner: SegmentRunner | None = None,
        folder: Path | None = None,
        pool: ProcessPool | None = None,
    ) -> None:
        self._pool = pool or ProcessPool(processes, PROCESS_MODULES, folder)
        # What belongs to no composition of this machine.
        self._share = self._pool.share()
        # All single frames together are entitled to what one render is.
        self._previews = self._pool.share()
        self._runner = runner
        self._build: str | None = None
        self._faces = FoundFaces()

    async def start(self) -> None:
        """Start the processes."""
        await self._pool.start()

    async def close(self) -> None:
        """Stop the processes; renders that still run fail."""
        await self._pool.close()

    async def make_segment(self, job: SegmentJob, workdir: Path, output: Path) -> None:
        """Make one segment of any render in the processes here; as `SegmentRunner.run`."""
        await PoolRunner(self._share).run(job, workdir, output, lambda _: None)

    async def build(self) -> str:
        """Return the build of the segments that are made here: only equal builds make equal segments."""
        if self._build is None:
            self._build = await self._share.run(segment_build)
        return self._build

    async def probe_clip(self, asset: Asset) -> ClipFacts:
        """Probe a clip.

        Raises:
            RenderFailure: ASSET_INVALID where it cannot be used.
        """
        return await self._share.run_with(TaskOptions(PROBING, asset), probe_clip, asset)

    async def sound_length(self, asset: Asset) -> timedelta:
        """Measure a sound; raises as `probe_clip`."""
        return await self._share.run_with(TaskOptions(PROBING, asset), probe_sound, asset)

    async def slow_clip(self, asset: Asset, output: Path, factor: float) -> None:
        """Write a clip that lasts `factor` times as long, without its sound; raises as `probe_clip`."""
        await self._share.run_with(TaskOptions(RENDERING, asset), slow_down, asset, output, factor)

    async def test_machine(self, folder: Path) -> None:
        """Check that a process here starts and can write to a folder.

        Raises:
            RenderFailure: It cannot.
        """
        await self._share.run(write_and_read, folder)

    async def check(
        self,
        spec: RenderSpec,
        media: Media,
        workdir: Path,
        *,
        gets_clips: bool = True,
        unspoken: Collection[str] = (),
    ) -> Media:
        """Check all that can be known of a render before its clips or narrations are made, and paid.

        Args:
            spec: The render, validated.
            media: Its local files.
            workdir: An existing folder for this render alone; nothing stays in it.
            gets_clips: Whether a clip is generated for each shot without a picture; otherwise it becomes a card.
            unspoken: Ids of the shots with narrations still to be spoken, in any of the render's languages.

        Returns:
            The usable files: those that a card replaces are removed.

        Raises:
            RenderFailure: As `compose` would.
        """
        parts = workdir / "parts"
        parts.mkdir(exist_ok=True)
        share = self._pool.share()
        try:
            inspected = await inspect_media(share, media, InspectionChoices.of(spec), self._faces)
            # The shots last at least as long as this; the limit of a video's length must not refuse more than that.
            facts = dict(inspected.facts)
            for shot_id in unspoken:
                found = facts.get(shot_id, MediaFacts())
                if found.narration is None:
                    facts[shot_id] = replace(found, narration=_SHORTEST_NARRATION)
            for place, one in enumerate([spec.of(output) for output in spec.outputs] or [spec]):
                request = Request(one, inspected.media, facts, inspected.hashes)
                await asyncio.to_thread(request.write, parts)
                with naming(spec.outputs, place):
                    await share.run(check_request, parts, gets_clips)
            return inspected.media
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, parts, ignore_errors=True))

    async def inspect(self, media: Media, choices: InspectionChoices) -> Inspection:
        """Inspect the files of a project; see `inspect_media`."""
        return await inspect_media(self._previews, media, choices, self._faces)

    async def draw_frame(self, wanted: FrameRequest, inspected: Inspection, workdir: Path, path: Path) -> FrameFacts:
        """Draw one frame of a video, without making the video.

        Args:
            wanted: Which frame.
            inspected: The video's files.
            workdir: An existing folder for this frame alone.
            path: The picture file to write.

        Returns:
            Where the frame lies.

        Raises:
            RenderFailure: As `compose` would; INVALID_FIELD with the metadata `field` and `fault` for a time or shot
                that the video does not have.
        """
        request = Request(wanted.spec, inspected.media, inspected.facts, inspected.hashes)
        await asyncio.to_thread(request.write, workdir)
        return await self._previews.run(draw_frame, workdir, wanted.position, path)

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that are alive."""
        return self._pool.pids

    @property
    def busy(self) -> int:
        """How many processes are at work."""
        return self._pool.busy

    async def compose(
        self,
        spec: RenderSpec,
        media: Media,
        *,
        workdir: Path,
        segments: SegmentStore | None,
        on_progress: Progress,
        on_warnings: WarningsListener | None = None,
        content_id: str = "",
    ) -> ComposedVideo:
        """Compose the only video of a render without `outputs`; as `compose_all`."""
        (video,) = await self.compose_all(
            spec,
            media,
            workdir=workdir,
            segments=segments,
            on_progress=on_progress,
            on_warnings=on_warnings,
            content_id=content_id,
        )
        return video

    async def compose_all(
        self,
        spec: RenderSpec,
        media: Media,
        *,
        workdir: Path,
        segments: SegmentStore | None,
        on_progress: Progress,
        on_warnings: WarningsListener | None = None,
        content_id: str = "",
    ) -> tuple[ComposedVideo, ...]:
        """Compose all videos of a render.

        Cancelling the task kills what works for it and leaves nothing behind outside the work folder.

        Args:
            spec: The render, validated.
            media: Local files; a shot with neither picture nor clip becomes a card.
            workdir: An existing folder for this render alone; the results lie in it, those of several outputs in
                `outputs/<name>`; the rest is removed.
            segments: Where segments are looked for before they are made, and kept; None makes all of them.
            on_progress: Receives the part 0–1 that is done; never less than before. What it raises ends the render.
            on_warnings: Receives the warnings that are known before anything is drawn. What it raises ends the render.
            content_id: What identifies the videos in their own metadata.

        Returns:
            The videos, in the order of the outputs; one where there are none.

        Raises:
            RenderFailure: ASSET_INVALID, GLYPH_MISSING, COMPOSE_FAILED or CHECK_FAILED.
        """
        parts = workdir / "parts"
        parts.mkdir(exist_ok=True)
        share = self._pool.share()
        runner = self._runner or PoolRunner(share)
        try:
            inspected = await inspect_media(share, media, InspectionChoices.of(spec), self._faces)
            spec, inspected = await at_target_tempo(share, spec, inspected, parts)
            outputs = spec.outputs
            groups = grouped(outputs) if outputs else [[0]]
            common = _Videos(spec, inspected, workdir, segments, share, content_id)
            videos = {place: common.at(place, group[0]) for group in groups for place in group}
            for place in sorted(videos):
                with naming(outputs, place):
                    await videos[place].make_plan()
            if on_warnings is not None:
                planned = (warning for place in sorted(videos) for warning in videos[place].plan.warnings)
                await on_warnings((*inspected.warnings, *planned))
            progress = ProgressCounter(on_progress, sum(videos[group[0]].plan.frames for group in groups))
            async with progress.reporting():
                for group in groups:
                    with naming(outputs, group[0]):
                        await PictureMaker([videos[place] for place in group], runner, segments, progress).run()

            async def finish(place: int, step: Callable[[Composition], Awaitable[None]]) -> None:
                with naming(outputs, place):
                    await step(videos[place])

            async with task_group() as together:
                for place in videos:
                    together.create_task(finish(place, Composition.join))
            await progress.report(CHECKING_FROM)
            async with task_group() as together:
                together.create_task(_package_stream(share, spec, videos, workdir / "stream"))
                for place in videos:
                    together.create_task(finish(place, Composition.verify))
            await progress.report(1.0)
            return tuple(videos[place].finish() for place in sorted(videos))
        finally:
            await asyncio.shield(asyncio.to_thread(_remove_parts, workdir))


@dataclass(frozen=True, slots=True)
class _Videos:
    """What all videos of a render have in common; the arguments are those of `Composition`."""

    spec: RenderSpec
    inspected: Inspection
    workdir: Path
    store: SegmentStore | None
    share: Share
    content_id: str

    def at(self, place: int, drawn: int) -> Composition:
        """Return one of the videos, with its folders; `drawn` is the place of the one whose pictures it shows."""
        spec, folder, inspected, shown = self.spec, self.workdir, self.inspected, None
        if spec.outputs:
            named = spec.outputs[place]
            shown = spec.outputs[drawn].output if drawn != place else None
            spec, folder = spec.of(named, shown), folder / "outputs" / named.name
            if named.output.container.is_animation:
                # Its shots still last until their narrations are over in every language.
                inspected = replace(inspected, media=replace(inspected.media, dubs=()))
        parts = folder / "parts"
        parts.mkdir(parents=True, exist_ok=True)
        return Composition(
            spec, inspected, folder, parts, store=self.store, share=self.share, content_id=self.content_id, drawn=shown
        )


async def _package_stream(share: Share, spec: RenderSpec, videos: Mapping[int, Composition], folder: Path) -> None:
    """Make the stream of a render whose videos are joined, if it asks for one; it belongs to the first rendition."""
    places = [place for place in sorted(videos) if videos[place].spec.output.streaming is not None]
    if not places:
        return
    await asyncio.to_thread(folder.mkdir)
    renditions = [videos[place].streamed for place in places]
    first = videos[places[0]]
    languages = (spoken_language(first.spec.project), *(dub.language for dub in first.inspected.media.dubs))

    def named(place: int) -> AbstractContextManager[None]:
        return naming(spec.outputs, places[place])

    with span("packaging"):
        first.stream = await package_stream(share, renditions, languages, named, folder)


def _remove_parts(workdir: Path) -> None:
    for parts in (workdir / "parts", *workdir.glob("outputs/*/parts")):
        shutil.rmtree(parts, ignore_errors=True)
