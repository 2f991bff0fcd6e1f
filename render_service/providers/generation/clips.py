"""Generates all clips of a job, each paid once, with the providers that make one clip per shot."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.errors import RenderFailure
from render_service.domain.generation.clip_plan import ClipSpec, choices, generated_shots, plan_clips
from render_service.domain.jobs.cost import plain
from render_service.domain.jobs.job import ProviderName, RawResults
from render_service.progress.task_hints import TaskHints
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.generation.paid_request import ShotFailed
from render_service.providers.generation.progress import ClipStatus, ProgressAggregator
from render_service.providers.generation.reference_image import check_picture, picture_at
from render_service.providers.generation.results import ClipCopies
from render_service.providers.generation.shot import GeneratedClip, ShotContext, ShotGeneration
from render_service.providers.generation.submission import ClipSubmissions
from render_service.providers.generator import Generated, Generation, ReportProgress
from render_service.providers.provider_api import Picture


class ClipGenerator:
    """A provider that makes one clip per shot, with the others as fallbacks.

    Args:
        name: The provider of the jobs.
        submissions: All providers that this worker can use.
        ledger: Records submissions.
        copies: Copies results.
        limits: Limits of clips and of requests to providers.
        hints: Announces callbacks of providers.
    """

    makes_whole_videos = False

    def __init__(
        self,
        name: ProviderName,
        submissions: Mapping[ProviderName, ClipSubmissions],
        ledger: GenerationLedger,
        copies: ClipCopies,
        limits: GenerationLimits,
        *,
        hints: TaskHints,
    ) -> None:
        self._name = name
        self._context = ShotContext(submissions, ledger, copies, limits, hints)

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Generate clips for all shots without one.

        Raises:
            RenderFailure: A clip cannot be generated. ASSET_INVALID if one of the providers does not take a shot's
                picture: nothing has been submitted then.
        """
        candidates = choices(self._name, work.spec.generation)
        plans = {
            choice: {spec.shot_id: spec for spec in plan_clips(work.spec, choice)}
            for choice in candidates
            if choice.provider is not ProviderName.LOCAL
        }
        shots = generated_shots(work.spec)
        if not shots:
            return Generated()
        pictures = {
            shot.id: await asyncio.to_thread(picture_at, shot.image_uri, work.pictures[shot.id])
            for shot in shots
            if shot.id in work.pictures
        }
        for choice, plan in plans.items():
            self._check_pictures(choice.provider, plan, pictures)
        folder = work.folder / "clips"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        progress = ProgressAggregator([shot.id for shot in shots])

        def ordered(shot_id: str, number: int) -> list[tuple[ProviderName, ShotGeneration | None]]:
            """Return who may make a shot's clip, in order; None where the compositor uses its picture, or a card."""
            found: list[tuple[ProviderName, ShotGeneration | None]] = []
            for choice in candidates:
                spec = plans[choice][shot_id] if choice in plans else None
                if spec is None or (spec.from_image and shot_id not in pictures):
                    return [*found, (choice.provider, None)]
                picture, path = pictures.get(shot_id), folder / f"{number}.mp4"
                shot = ShotGeneration(self._context, work, spec, picture=picture, progress=progress, path=path)
                found.append((choice.provider, shot))
            return found

        async def generate(shot_id: str, number: int) -> GeneratedClip | None:
            failures: list[str] = []
            last: RenderFailure | None = None
            shots = ordered(shot_id, number)
            # What this job has paid one of them for comes first: a retry does not pay another again.
            paid = [len(shots) > 1 and shot is not None and await shot.is_paid() for _, shot in shots]
            for turn in sorted(range(len(shots)), key=lambda turn: not paid[turn]):
                provider, shot = shots[turn]
                if shot is None:
                    progress.set_status(shot_id, ClipStatus.DONE)
                    return None
                try:
                    clip = await shot.run()
                except ShotFailed as failed:
                    last = failed.failure
                    failures.append(f"{provider}: {last.message}")
                    continue
                progress.set_status(shot_id, ClipStatus.DONE)
                return clip.after(failures)
            assert last is not None, "there is always a candidate"
            raise last

        async with _together() as group:
            reporting = group.create_task(progress.report_changes(report))
            async with _together() as generating:
                tasks = {
                    shot.id: generating.create_task(generate(shot.id, number)) for number, shot in enumerate(shots, 1)
                }
            reporting.cancel()
        clips = {shot_id: task.result() for shot_id, task in tasks.items()}
        await report(1.0, progress.message)
        return Generated(
            {shot_id: clip.path for shot_id, clip in clips.items() if clip is not None},
            _results(self._name, clips),
            tuple(clip.task.clip.key for clip in clips.values() if clip is not None and clip.task.clip is not None),
        )

    def _check_pictures(
        self, provider: ProviderName, plan: Mapping[str, ClipSpec], pictures: Mapping[str, tuple[Picture, str]]
    ) -> None:
        submissions = self._context.submissions.get(provider)
        if submissions is None:
            return
        for shot_id, (picture, _) in pictures.items():
            if plan[shot_id].from_image:
                check_picture(shot_id, picture, provider, submissions.api.traits.pictures)


def _results(provider: ProviderName, clips: Mapping[str, GeneratedClip | None]) -> RawResults:
    """Report which provider made each shot, and the cost."""
    shots: list[dict[str, Any]] = []
    for shot_id, clip in clips.items():
        if clip is None:
            shots.append({"shot_id": shot_id, "provider": ProviderName.LOCAL.value})
            continue
        task = clip.task
        assert task.clip is not None
        shots.append(
            {
                **task.clip.metadata,
                "shot_id": shot_id,
                "provider": task.provider,
                "model": task.model,
                "task_id": task.external.id if task.external else "",
                "reused": clip.reused,
                "from_image": clip.spec.from_image,
                "shape": clip.spec.shape_name,
                "ordered_seconds": clip.spec.duration.total_seconds(),
                "seconds": task.clip.milliseconds / 1000,
                "width": task.clip.width,
                "height": task.clip.height,
                "sha256": task.clip.sha256,
                **({"seed": clip.spec.seed} if clip.spec.seed is not None else {}),
                **({"cost": {"unit": task.cost.unit, "amount": plain(task.cost.amount)}} if task.cost else {}),
                **({"ordered_at": task.submitted_at.isoformat()} if task.submitted_at else {}),
                **({"finished_at": task.finished_at.isoformat()} if task.finished_at else {}),
                **({"failed_before": list(clip.failures)} if clip.failures else {}),
            }
        )
    return RawResults("completed", extra={"provider": provider.value, "clips": shots})


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks as a group that raises what the first of them raised, not a group of errors."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
