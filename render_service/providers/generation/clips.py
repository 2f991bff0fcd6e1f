"""The providers that make one clip a shot, as the engine sees them: all the clips of a job, each paid once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.generation.clip_plan import choices, generated_shots, plan_clips
from render_service.domain.jobs.cost import plain
from render_service.domain.jobs.job import ProviderName, RawResults
from render_service.progress.task_hints import TaskHints
from render_service.providers.generation.progress import Line, ProgressAggregator
from render_service.providers.generation.reference_image import picture_at
from render_service.providers.generation.results import ClipCopies
from render_service.providers.generation.retry_policy import ProviderRetryPolicy
from render_service.providers.generation.shot import MadeClip, ShotContext, ShotFailed, ShotWork
from render_service.providers.generation.submission import Submissions
from render_service.providers.generator import Generated, Generation, ReportProgress


class ClipMaker:
    """A provider that makes one clip a shot, with the others to fall back to.

    Args:
        name: Whose jobs these are.
        orders: All providers that this worker can use.
        ledger: Where orders are written down.
        copies: Copies results.
        retry_policy: Limits of requests to providers.
        hints: Tells when a provider has called back.
    """

    makes_whole_videos = False

    def __init__(
        self,
        name: ProviderName,
        orders: Mapping[ProviderName, Submissions],
        ledger: GenerationLedger,
        copies: ClipCopies,
        retry_policy: ProviderRetryPolicy,
        *,
        hints: TaskHints,
    ) -> None:
        self._name = name
        self._workshop = ShotContext(orders, ledger, copies, retry_policy, hints)

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Make the clips of all shots that have none of their own."""
        asked = choices(self._name, work.spec.generation)
        plans = {
            choice: {order.shot_id: order for order in plan_clips(work.spec, choice)}
            for choice in asked
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
        folder = work.folder / "clips"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        board = ProgressAggregator([shot.id for shot in shots])

        async def make(shot_id: str, number: int) -> MadeClip | None:
            failures: list[str] = []
            for turn, choice in enumerate(asked, 1):
                order = plans[choice][shot_id] if choice in plans else None
                if order is None or (order.from_image and shot_id not in pictures):
                    # The shot's own picture, or a card, stands in.
                    board.put(shot_id, Line.DONE)
                    return None
                path = folder / f"{number}.mp4"
                shot = ShotWork(self._workshop, work, order, picture=pictures.get(shot_id), board=board, path=path)
                try:
                    made = await shot.run()
                except ShotFailed as failed:
                    if turn == len(asked):
                        raise failed.failure from failed
                    failures.append(f"{choice.provider}: {failed.failure.message}")
                    continue
                board.put(shot_id, Line.DONE)
                return made.after(failures)
            raise AssertionError("somebody is always asked")

        async with _together() as group:
            teller = group.create_task(board.tell(report))
            async with _together() as making:
                tasks = {shot.id: making.create_task(make(shot.id, number)) for number, shot in enumerate(shots, 1)}
            teller.cancel()
        made = {shot_id: task.result() for shot_id, task in tasks.items()}
        await report(1.0, board.message)
        return Generated(
            {shot_id: clip.path for shot_id, clip in made.items() if clip is not None},
            _results(self._name, made),
            tuple(clip.task.clip.key for clip in made.values() if clip is not None and clip.task.clip is not None),
        )


def _results(provider: ProviderName, made: Mapping[str, MadeClip | None]) -> RawResults:
    """Report which provider made each shot, and the cost."""
    shots: list[dict[str, Any]] = []
    for shot_id, clip in made.items():
        if clip is None:
            shots.append({"shot_id": shot_id, "provider": ProviderName.LOCAL.value})
            continue
        task = clip.task
        assert task.clip is not None
        shots.append(
            {
                **task.clip.metadata,
                "shot_id": shot_id,
                "provider": task.provider.value,
                "model": task.model,
                "task_id": task.external.id if task.external else "",
                "reused": clip.reused,
                "from_image": clip.order.from_image,
                "shape": clip.order.shape_name,
                "ordered_seconds": clip.order.duration.total_seconds(),
                "seconds": task.clip.milliseconds / 1000,
                "width": task.clip.width,
                "height": task.clip.height,
                "sha256": task.clip.sha256,
                **({"seed": clip.order.seed} if clip.order.seed is not None else {}),
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
