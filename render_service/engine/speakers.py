"""Speaks the narrations of a render with the providers that this worker has."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from render_service.compositor.media.assets import AssetFault, Dub, Media, ShotMedia, narration_asset
from render_service.compositor.processes.pool import Share
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.cost import plain
from render_service.domain.jobs.job import Lease, RenderSpec
from render_service.domain.projects.languages import respoken
from render_service.domain.projects.narrations import spoken_narrations
from render_service.domain.projects.output import AudioLanguage
from render_service.domain.projects.project import NarrationPolicy, Speech
from render_service.domain.projects.validation import LONGEST_VIDEO
from render_service.domain.speech.options import SpeechOptions
from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import SpeechProvider
from render_service.engine.job_segments import JobSegments
from render_service.engine.narrations import Narration, Narrator, not_installed, with_narrations
from render_service.providers.generation.limits import GenerationLimits
from render_service.providers.generation.paid_request import ShotFailed
from render_service.providers.speech.narration import MeasureSound, NarrationSubmissions, PaidNarration, SpokenNarration

OnSpoken = Callable[[int, int], Awaitable[None]]
"""Receives how many narrations are spoken, and how many there are; also again while one is being spoken."""

_AT_ONCE = 8
_REPORT_SECONDS = 5.0
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class RemoteSpeech:
    """The remote speech providers of a worker.

    Args:
        submissions: Submits to each.
        ledger: Records submissions.
        limits: Limits of requests to providers.
        measure: Measures sounds.
    """

    submissions: Mapping[SpeechProvider, NarrationSubmissions]
    ledger: GenerationLedger
    limits: GenerationLimits
    measure: MeasureSound


@dataclass(frozen=True, slots=True)
class Narrated:
    """A render with its narrations: what was spoken, in order, and what the job's results report of each."""

    spec: RenderSpec
    media: Media
    requests: tuple[SpeechRequest, ...] = ()
    results: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Dubbed:
    """The files of a render with further narrations: what was spoken in each language, and what is reported of that."""

    media: Media
    requests: tuple[tuple[SpeechRequest, ...], ...] = ()
    results: tuple[Mapping[str, Any], ...] = ()


class Speakers:
    """The speech providers of a worker.

    Args:
        local: Speaks with the model on this machine; None where it cannot.
        remote: The remote providers; None for none.
    """

    def __init__(self, local: Narrator | None, remote: RemoteSpeech | None = None) -> None:
        self._local = local
        self._remote = remote

    @property
    def local(self) -> Narrator | None:
        """What speaks with the model on this machine; None where it cannot."""
        return self._local

    @property
    def providers(self) -> tuple[SpeechProvider, ...]:
        """The providers that this worker can use."""
        local = (SpeechProvider.LOCAL,) if self._local is not None else ()
        return (*local, *(self._remote.submissions if self._remote is not None else ()))

    @property
    def has_model_loaded(self) -> bool:
        """Whether a process with the model of `local` is kept."""
        return self._local is not None and self._local.is_loaded

    @property
    def memory_bytes(self) -> int:
        """The resident memory of the processes of `local`."""
        return self._local.memory_bytes if self._local is not None else 0

    async def paid_shots(self, spec: RenderSpec) -> frozenset[str]:
        """Return the ids of the shots with a narration, in any language, that a remote provider may speak for money."""
        if all(choice.provider is SpeechProvider.LOCAL for choice in spec.speech.choices):
            return frozenset()
        renders = (spec, *(_dubbed(spec, audio) for audio in spec.output.audio_languages))
        return frozenset().union(*[(await asyncio.to_thread(_plans, render))[0] for render in renders])

    async def narrate(
        self, lease: Lease, spec: RenderSpec, media: Media, store: JobSegments, *, folder: Path, on_spoken: OnSpoken
    ) -> Narrated:
        """Return a render with the narrations that its project has spoken, and with the times of their words.

        Args:
            lease: The job's lease.
            spec: The render, validated.
            media: Its files.
            store: Where narrations are looked for before they are spoken, and kept.
            folder: Where the sounds go; made if it is missing.
            on_spoken: Is called after each narration, and while some are spoken.

        Raises:
            RenderFailure: COMPOSE_FAILED: speaking took too much memory or time, or its process died. ASSET_INVALID:
                the narrations alone last longer than the longest video. PROVIDER_NOT_CONFIGURED, PROVIDER_FAILED,
                CONTENT_REFUSED or SUBMIT_OUTCOME_UNKNOWN: no provider spoke a narration.
            LeaseLost: This worker no longer holds the job.
        """
        plans = await asyncio.to_thread(_plans, spec)
        shots = list(plans[0])
        if not shots:
            return Narrated(spec, media)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        share = self._local.share() if self._local is not None else None
        work = _Narrating(self._local, share, self._remote, lease, spec.speech, store, plans)
        is_local = spec.speech.first.provider is SpeechProvider.LOCAL
        slots = asyncio.Semaphore(1 if is_local else _AT_ONCE)
        spoken: dict[str, Narration] = {}
        total = _ZERO

        async def alive() -> None:
            await on_spoken(len(spoken), len(shots))

        async def keep_alive() -> None:
            while True:
                await asyncio.sleep(_REPORT_SECONDS)
                await alive()

        async def narrate(number: int, shot_id: str) -> None:
            nonlocal total
            async with slots:
                spoken[shot_id] = await work.spoken(shot_id, folder / f"narration-{number}", alive)
            total += spoken[shot_id].length
            if total > LONGEST_VIDEO and spec.project.narration_policy is NarrationPolicy.EXTEND:
                raise _too_long(shot_id)
            await alive()

        # The process of `local` reports by itself, and must count as hanging where it does not.
        waiting = None if is_local else asyncio.create_task(keep_alive())
        try:
            async with asyncio.TaskGroup() as group:
                for number, shot_id in enumerate(shots, 1):
                    group.create_task(narrate(number, shot_id))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            if waiting is not None:
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
        spec, media = with_narrations(spec, media, {shot_id: spoken[shot_id] for shot_id in shots})
        results = tuple(work.results[shot_id] for shot_id in shots if shot_id in work.results)
        return Narrated(spec, media, tuple(work.requests[shot_id] for shot_id in shots), results)

    async def dub(
        self, lease: Lease, spec: RenderSpec, media: Media, store: JobSegments, *, folder: Path, on_spoken: OnSpoken
    ) -> Dubbed:
        """Return the files of a render with the narrations of its further tracks of sound; see `narrate`.

        Args:
            lease: The job's lease.
            spec: The render as StartRender decided it.
            media: Its files.
            store: See `narrate`.
            folder: Where the sounds go; made if it is missing.
            on_spoken: See `narrate`; is called anew for each language.
        """
        dubs: list[Dub] = []
        requests: list[tuple[SpeechRequest, ...]] = []
        results: list[Mapping[str, Any]] = []
        for place, audio in enumerate(spec.output.audio_languages, 1):
            dubbed = _dubbed(spec, audio)
            narrated = await self.narrate(lease, dubbed, media, store, folder=folder / str(place), on_spoken=on_spoken)
            narrations = {}
            for shot in dubbed.project.shots:
                spoken = narrated.media.shots.get(shot.id, ShotMedia()).narration
                is_new = spoken != media.shots.get(shot.id, ShotMedia()).narration
                # A recording that is in this language already is heard in it, too.
                if spoken is not None and (is_new or shot.narration_audio_uri):
                    narrations[shot.id] = spoken
            dubs.append(Dub(audio.language, narrations))
            requests.append(narrated.requests)
            results += [{**result, "language": audio.language} for result in narrated.results]
        return Dubbed(replace(media, dubs=tuple(dubs)), tuple(requests), tuple(results))


@dataclass(slots=True)
class _Narrating:
    """The narrations of one attempt; each text is spoken once.

    By shot id, `requests` is what was spoken, and `results` what is reported of the narrations of remote providers.
    """

    local: Narrator | None
    # A render has a share of the processes of its own: the others' narrations do not keep it waiting.
    share: Share | None
    remote: RemoteSpeech | None
    lease: Lease
    options: SpeechOptions
    store: JobSegments
    plans: list[Mapping[str, SpeechRequest]]
    requests: dict[str, SpeechRequest] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    _spoken: dict[SpeechRequest, Narration] = field(default_factory=dict)
    _first: dict[SpeechRequest, str] = field(default_factory=dict)
    # By what each provider would speak: shots that differ in their first choice do not share a fallback's narration.
    _chosen: dict[tuple[SpeechRequest, ...], SpeechRequest] = field(default_factory=dict)
    # By text: while one shot has it spoken by any of the providers, the others with the same text wait.
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def spoken(self, shot_id: str, place: Path, alive: Callable[[], Awaitable[None]]) -> Narration:
        """Return a shot's narration: that of a shot with the same choices, or the first that a provider speaks."""
        choices = self._choices(shot_id)
        async with self._locks.setdefault(choices[0].text, asyncio.Lock()):
            if (request := self._chosen.get(choices)) is not None:
                return self._same(shot_id, request)
            return await self._speak_first(shot_id, choices, place, alive)

    def _choices(self, shot_id: str) -> tuple[SpeechRequest, ...]:
        """Return what each provider would speak for a shot, in the order in which they are tried."""
        return tuple(plan[shot_id] for plan in self.plans)

    def _same(self, shot_id: str, request: SpeechRequest) -> Narration:
        """Return the narration of an earlier shot with the same text."""
        self.requests[shot_id] = request
        if (result := self.results.get(self._first[request])) is not None:
            # Paid with the first shot that has it.
            self.results[shot_id] = {**result, "shot_id": shot_id, "reused": True}
            self.results[shot_id].pop("cost", None)
        return self._spoken[request]

    async def _speak_first(
        self, shot_id: str, choices: tuple[SpeechRequest, ...], place: Path, alive: Callable[[], Awaitable[None]]
    ) -> Narration:
        """Return a shot's narration by the first provider that speaks it; one that this job has paid comes first."""
        orders = [
            self._order(shot_id, request, Path(f"{place}-{turn}")) if self._is_remote(request) else None
            for turn, request in enumerate(choices)
        ]
        alike = [shot for shot in self.plans[0] if self._choices(shot) == choices] if len(choices) > 1 else []
        paid = [len(choices) > 1 and order is not None and await order.is_paid(alike) for order in orders]
        failures: list[str] = []
        last: RenderFailure | None = None
        for turn in sorted(range(len(choices)), key=lambda turn: not paid[turn]):
            request, order = choices[turn], orders[turn]
            if request in self._spoken:
                self._chosen[choices] = request
                return self._same(shot_id, request)
            try:
                if order is not None:
                    spoken = await order.run()
                    self.results[shot_id] = _result(shot_id, spoken)
                    narration = Narration(spoken.sound, spoken.words, spoken.length)
                else:
                    narration = await self._speak_locally(shot_id, request, Path(f"{place}-{turn}"), alive)
            except ShotFailed as failed:
                last = failed.failure
                failures.append(f"{request.provider}: {last.message}")
                continue
            self._spoken[request], self._first[request], self.requests[shot_id] = narration, shot_id, request
            self._chosen[choices] = request
            if failures:
                result = self.results.setdefault(shot_id, {"shot_id": shot_id, "provider": request.provider.value})
                result["failed_before"] = failures
            return narration
        assert last is not None, "there is always a provider"
        raise last

    def _is_remote(self, request: SpeechRequest) -> bool:
        return self.remote is not None and request.provider in self.remote.submissions

    def _order(self, shot_id: str, request: SpeechRequest, place: Path) -> PaidNarration:
        assert self.remote is not None
        return PaidNarration(
            self.remote.ledger,
            self.remote.submissions[request.provider],
            self.remote.limits,
            self.lease,
            shot_id=shot_id,
            request=request,
            options=self.options,
            place=place,
            store=self.store,
            measure=self.remote.measure,
        )

    async def _speak_locally(
        self, shot_id: str, request: SpeechRequest, place: Path, alive: Callable[[], Awaitable[None]]
    ) -> Narration:
        if request.provider is not SpeechProvider.LOCAL or self.local is None or self.share is None:
            raise ShotFailed(not_installed(request.provider))
        return await self.local.speak(shot_id, request, self.share, self.store, place=place, speaking=alive)


def _dubbed(spec: RenderSpec, audio: AudioLanguage) -> RenderSpec:
    """Return a render as it is spoken in one of its further languages."""
    return replace(spec, project=respoken(spec.project, Speech(audio.voice, language=audio.language)))


def _plans(spec: RenderSpec) -> list[Mapping[str, SpeechRequest]]:
    """Return what each provider would speak, in the order in which they are tried."""
    return [
        spoken_narrations(spec.project, choice, is_fallback=turn > 0) for turn, choice in enumerate(spec.speech.choices)
    ]


def _result(shot_id: str, spoken: SpokenNarration) -> dict[str, Any]:
    task, request = spoken.task, spoken.request
    cost = task.cost if task.cost is not None else None
    return {
        "shot_id": shot_id,
        "provider": request.provider.value,
        "model": request.model,
        "voice": request.voice,
        "characters": len(request.respelled.sent),
        "task_id": task.external.id if task.external is not None else "",
        "reused": spoken.reused,
        "seconds": task.clip.milliseconds / 1000 if task.clip is not None else 0,
        **({"cost": {"unit": cost.unit, "amount": plain(Decimal(cost.amount))}} if cost is not None else {}),
    }


def _too_long(shot_id: str) -> RenderFailure:
    hours = LONGEST_VIDEO.total_seconds() / 3600
    return narration_asset(shot_id, Path()).invalid(
        AssetFault.TOO_LONG, f"the spoken narrations make the video longer than {hours:g} hours; shorten them"
    )
