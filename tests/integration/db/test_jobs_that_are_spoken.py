"""A job is claimed only by workers that can speak for it and do what it needs, and says so if there seem to be none."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import product
from operator import itemgetter

import pytest

from render_service.db.database import Database
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import JobStatus, ProviderName
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.speech.voices import SpeechProvider
from render_service.domain.warning import WarningCode
from tests.records import HOUR, claim_next, job_request, lifecycle_of, start_job


async def test_a_claim_leaves_jobs_that_the_worker_cannot_speak_for(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    spoken = await start_job(database, replace(job_request(), is_spoken=True))
    silent = await start_job(database)
    assert (await claim_next(lifecycle)).lease.job_id == silent.id
    remote = (SpeechProvider.ELEVENLABS, SpeechProvider.CUSTOM)
    claim = partial(lifecycle.claim, worker="w", providers=list(ProviderName), deadline=HOUR)
    assert await claim(speech_providers=remote) is None
    claimed = await claim(speech_providers=(SpeechProvider.LOCAL, *remote))
    assert claimed is not None
    assert claimed.lease.job_id == spoken.id


async def test_a_job_that_nobody_can_speak_for_has_a_warning_until_it_is_claimed(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    job = await start_job(database, replace(job_request(), is_spoken=True))
    await start_job(database)
    assert await lifecycle.warn_unspoken(age=HOUR) == []
    [event] = await lifecycle.warn_unspoken(age=timedelta(0))
    assert (event.job_id, event.status, event.is_milestone) == (job.id, JobStatus.PENDING, False)
    [warning] = (await Jobs(database).get("team", job.id)).warnings
    assert (warning.code, warning.message) == (
        WarningCode.SPEECH_WAITING,
        "no worker that can speak with local has taken the job yet; configure the speech provider on a worker",
    )
    assert await lifecycle.warn_unspoken(age=timedelta(0)) == [], "once"
    await lifecycle.claim(
        worker="w", providers=list(ProviderName), deadline=HOUR, speech_providers=tuple(SpeechProvider)
    )
    assert (await Jobs(database).get("team", job.id)).warnings == ()


async def test_a_claim_leaves_jobs_that_need_what_the_worker_cannot_do(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    both = await start_job(database, replace(job_request(), needs=(JobNeed.ALIGNMENT, JobNeed.RECOGNITION)))
    recognized = await start_job(database, replace(job_request(), needs=(JobNeed.RECOGNITION,)))
    claim = partial(lifecycle.claim, worker="w", providers=list(ProviderName), deadline=HOUR)
    assert await claim(abilities=(JobNeed.ALIGNMENT,)) is None
    first = await claim(abilities=(JobNeed.RECOGNITION,))
    assert first is not None
    assert first.lease.job_id == recognized.id
    second = await claim(abilities=tuple(JobNeed))
    assert second is not None
    assert second.lease.job_id == both.id


@pytest.mark.parametrize(
    ("needs", "code", "field"),
    [
        ((JobNeed.ALIGNMENT,), WarningCode.SPEECH_WAITING, "speech"),
        ((JobNeed.RECOGNITION,), WarningCode.RECOGNITION_WAITING, "captions.from_audio"),
        (tuple(reversed(JobNeed)), WarningCode.RECOGNITION_WAITING, "captions.from_audio"),
    ],
)
async def test_a_job_that_needs_what_no_worker_can_do_has_a_warning(
    database: Database, needs: tuple[JobNeed, ...], code: WarningCode, field: str
) -> None:
    lifecycle = lifecycle_of(database)
    job = await start_job(database, replace(job_request(), needs=needs))
    await start_job(database)
    assert await lifecycle.warn_unserved(age=HOUR) == []
    [event] = await lifecycle.warn_unserved(age=timedelta(0))
    assert (event.job_id, event.status, event.is_milestone) == (job.id, JobStatus.PENDING, False)
    [warning] = (await Jobs(database).get("team", job.id)).warnings
    assert (warning.code, warning.field) == (code, field)
    assert await lifecycle.warn_unserved(age=timedelta(0)) == [], "once"
    await lifecycle.claim(worker="w", providers=list(ProviderName), deadline=HOUR, abilities=tuple(JobNeed))
    assert (await Jobs(database).get("team", job.id)).warnings == ()


async def test_jobs_of_all_kinds_are_claimed_in_one_order(database: Database) -> None:
    lifecycle, started = lifecycle_of(database), []
    kinds = product((ProviderName.MOCK, ProviderName.LOCAL), (True, False), ((), (JobNeed.ALIGNMENT,)))
    for number, (provider, is_spoken, needs) in enumerate(kinds):
        options = replace(job_request().options, priority=number % 3)
        request = replace(job_request(provider=provider), is_spoken=is_spoken, needs=needs, options=options)
        started.append((await start_job(database, request), -options.priority, number))
    ordered = sorted(started, key=itemgetter(1, 2))
    claim = partial(lifecycle.claim, worker="w", providers=list(ProviderName), deadline=HOUR)
    claimed = [await claim(speech_providers=tuple(SpeechProvider), abilities=tuple(JobNeed)) for _ in ordered]
    assert [one and one.lease.job_id for one in claimed] == [job.id for job, *_ in ordered]
