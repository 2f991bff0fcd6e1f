"""Narrations are spoken by remote providers, each paid once, whatever happens in between."""

import asyncio
import base64
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import LeaseLost
from render_service.db.jobs.job_objects import JobObjects
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import JobError, Lease
from render_service.domain.projects.project import Speech
from render_service.domain.speech.lexicon import LexiconEntry
from render_service.domain.speech.options import SpeechChoice
from render_service.domain.speech.voices import SpeechProvider
from tests.fakes.http_server import Fault, answer
from tests.fakes.speech import (
    KEY,
    SECONDS_A_CHARACTER,
    FakeCustomSpeech,
    FakeElevenLabs,
    FakeOpenAi,
    SpeechServer,
    tone,
)
from tests.generation_bench import SHORT
from tests.speech_bench import CUSTOM, ELEVENLABS, OPENAI, SpeechBench, open_speech_bench, spec_of

TEXT = "The lighthouse has guided ships."
PROVIDERS = [ELEVENLABS, OPENAI, CUSTOM]
COST = {ELEVENLABS: Decimal("0.0032"), OPENAI: Decimal("0.00048"), CUSTOM: Decimal("0.003")}

Fakes = dict[SpeechProvider, SpeechServer]


@pytest.fixture
async def fakes() -> AsyncIterator[Fakes]:
    async with FakeElevenLabs() as elevenlabs, FakeOpenAi() as openai, FakeCustomSpeech() as custom:
        yield {ELEVENLABS: elevenlabs, OPENAI: openai, CUSTOM: custom}


@pytest.fixture
async def bench(database: Database, tmp_path: Path, fakes: Fakes) -> AsyncIterator[SpeechBench]:
    urls = {name: fake.url for name, fake in fakes.items()}
    async with open_speech_bench(database, tmp_path, urls, elevenlabs_concurrency=2) as bench:
        yield bench


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_narration_is_paid_once_in_a_workspace(
    provider: SpeechProvider, bench: SpeechBench, fakes: Fakes
) -> None:
    narrated, job = await bench.run(spec_of(provider, TEXT, TEXT, "Bye now."))
    assert len(fakes[provider].bill) == 2, "the same text is spoken once"
    assert job.cost[0].unit == "USD"
    assert job.cost[0].amount >= COST[provider]
    first = narrated.spec.project.shots[0]
    # What comes without word times is aligned later.
    assert [word.text for word in first.words[:1]] == ([] if provider is OPENAI else ["The"])
    assert all(word.end.total_seconds() < 5 * SECONDS_A_CHARACTER for word in first.words[:1])
    assert all(files.narration is not None and files.narration.exists() for files in narrated.media.shots.values())
    assert narrated.results[0] == {
        "shot_id": "s1",
        "provider": provider.value,
        "model": narrated.requests[0].model,
        "voice": narrated.requests[0].voice,
        "characters": len(TEXT),
        "task_id": narrated.results[1]["task_id"],
        "reused": False,
        "seconds": pytest.approx(len(TEXT) * SECONDS_A_CHARACTER, abs=0.1),
        "cost": {"unit": "USD", "amount": f"{COST[provider].normalize():f}"},
    }
    assert [result["reused"] for result in narrated.results] == [False, True, False]
    again, second = await bench.run(spec_of(provider, "Bye now.", TEXT))
    assert len(fakes[provider].bill) == 2
    assert [result["reused"] for result in again.results] == [True, True]
    assert again.spec.project.shots[1].words == first.words
    assert second.cost == ()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_respellings_are_sent_and_a_changed_one_is_paid_anew(
    provider: SpeechProvider, bench: SpeechBench, fakes: Fakes
) -> None:
    spec = spec_of(provider, "SQL server")
    for respelling in ("sequel", "ess-queue-ell"):
        entries = (LexiconEntry("SQL", respelling=respelling), LexiconEntry("Siobhan", ipa="ʃɪˈvɔːn"))
        narrated, _ = await bench.run(replace(spec, project=replace(spec.project, lexicon=entries)))
        assert respelling in str(fakes[provider].bill[-1])
        assert [word.text for word in narrated.spec.project.shots[0].words][:1] in ([], ["SQL"])
    assert len(fakes[provider].bill) == 2


async def test_words_in_ipa_are_sent_to_custom(bench: SpeechBench, fakes: Fakes) -> None:
    spec = spec_of(CUSTOM, "Siobhan")
    entries = (LexiconEntry("Siobhan", ipa="ʃɪˈvɔːn"),)
    await bench.run(replace(spec, project=replace(spec.project, lexicon=entries)))
    [sent] = fakes[CUSTOM].bill
    assert sent["lexicon"] == [{"word": "Siobhan", "ipa": "ʃɪˈvɔːn"}]


async def test_two_jobs_at_a_time_pay_a_narration_once(bench: SpeechBench, fakes: Fakes) -> None:
    claims = [await bench.claimed(spec_of(ELEVENLABS, TEXT)) for _ in range(2)]

    async def run(number: int) -> None:
        await bench.speak(claims[number])
        await bench.lifecycle.complete(claims[number].lease, None, None)

    await asyncio.gather(run(0), run(1))
    assert len(fakes[ELEVENLABS].bill) == 1


@pytest.mark.parametrize("error", [DatabaseUnavailable, LeaseLost])
async def test_what_is_paid_is_kept_without_the_database_and_without_the_lease(
    error: type[Exception], bench: SpeechBench, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = JobObjects.add

    async def add_before_payment(objects: JobObjects, lease: Lease, keys: Collection[str]) -> None:
        if fakes[ELEVENLABS].bill:
            raise error
        await add(objects, lease, keys)

    monkeypatch.setattr(JobObjects, "add", add_before_payment)
    await bench.run(spec_of(ELEVENLABS, TEXT))
    monkeypatch.undo()
    again, _ = await bench.run(spec_of(ELEVENLABS, TEXT))
    assert (again.results[0]["reused"], len(fakes[ELEVENLABS].bill)) == (True, 1)


@pytest.mark.parametrize("error", [DatabaseUnavailable, LeaseLost])
async def test_nothing_is_paid_that_could_not_be_kept(
    error: type[Exception], bench: SpeechBench, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    claim = await bench.claimed(spec_of(ELEVENLABS, TEXT))
    with monkeypatch.context() as patch:
        patch.setattr(JobObjects, "add", fail)
        with pytest.raises(error):
            await bench.speak(claim)
    assert fakes[ELEVENLABS].bill == []
    await bench.speak(claim)
    assert len(fakes[ELEVENLABS].bill) == 1


async def test_what_cannot_be_stored_of_a_response_does_not_lose_its_sound(bench: SpeechBench, fakes: Fakes) -> None:
    sound = base64.b64encode(tone(len(TEXT))).decode()
    word = {"text": "The\ud800\0", "start": 0, "end": 1}
    cost = {"amount": "0.003", "currency": "US\0D\ud800"}
    spoken = answer({"id": "r\0\ud8001", "audio": sound, "words": [word], "cost": cost})
    fakes[CUSTOM].refuse = lambda body: spoken
    narrated, job = await bench.run(spec_of(CUSTOM, TEXT))
    assert (narrated.results[0]["task_id"], job.cost) == ("r1", (Cost("USD", Decimal("0.003")),))


async def _lose_the_worker(bench: SpeechBench, monkeypatch: pytest.MonkeyPatch, spec: Any) -> None:
    """Stop a worker after the provider has answered, and before that is recorded; the job is due again."""
    claim = await bench.claimed(spec)
    with monkeypatch.context() as patch:

        async def die(*_: object) -> None:
            raise LeaseLost

        patch.setattr(bench.ledger, "submitted", die)
        with pytest.raises(LeaseLost):
            await bench.speak(claim)
    await bench.lifecycle.release(claim.lease)


async def test_a_submission_of_unknown_outcome_is_repeated_only_where_the_caller_allows_it(
    bench: SpeechBench, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _lose_the_worker(bench, monkeypatch, spec_of(ELEVENLABS, TEXT))
    claim = await bench.claim()
    with pytest.raises(RenderFailure, match="allow_resubmit") as failed:
        await bench.speak(claim)
    assert failed.value.reason is ErrorReason.SUBMIT_OUTCOME_UNKNOWN
    assert len(fakes[ELEVENLABS].bill) == 1
    error = JobError(failed.value.reason, failed.value.message)
    await bench.lifecycle.end_attempt(claim.lease, error, retryable=False)
    await bench.run(spec_of(ELEVENLABS, TEXT, allow_resubmit=True))
    assert len(fakes[ELEVENLABS].bill) == 2


async def test_a_submission_that_can_be_repeated_by_its_key_is_charged_once(
    bench: SpeechBench, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _lose_the_worker(bench, monkeypatch, spec_of(CUSTOM, TEXT))
    fakes[CUSTOM].faults = [("POST", Fault(drop=True, after=True))]
    narrated = await bench.speak(await bench.claim())
    assert narrated.results[0]["task_id"] == "r1"
    custom = fakes[CUSTOM]
    assert isinstance(custom, FakeCustomSpeech)
    assert (custom.submissions, len(custom.bill)) == (3, 1)


async def test_a_cancelled_attempt_records_what_was_paid_for_the_next_job(bench: SpeechBench, fakes: Fakes) -> None:
    fakes[ELEVENLABS].seconds = 0.2
    claim = await bench.claimed(spec_of(ELEVENLABS, TEXT))
    attempt = asyncio.create_task(bench.speak(claim))
    while not fakes[ELEVENLABS].at_once:
        await asyncio.sleep(0.01)
    attempt.cancel()
    await asyncio.wait([attempt])
    assert attempt.cancelled()
    await bench.lifecycle.cancel(claim.lease.workspace_id, claim.lease.job_id)
    await bench.lifecycle.release(claim.lease)
    assert (await bench.job(claim)).cost == (Cost("USD", COST[ELEVENLABS]),)
    await bench.run(spec_of(ELEVENLABS, TEXT))
    assert len(fakes[ELEVENLABS].bill) == 1


async def test_the_provider_has_no_more_requests_in_progress_than_its_limit(bench: SpeechBench, fakes: Fakes) -> None:
    fakes[ELEVENLABS].hold_for = 2
    await bench.run(spec_of(ELEVENLABS, *(f"Number {number}." for number in range(6))))
    assert fakes[ELEVENLABS].most_at_once == 2


async def test_only_so_many_are_submitted_in_a_minute(database: Database, tmp_path: Path, fakes: Fakes) -> None:
    urls = {OPENAI: fakes[OPENAI].url}
    async with open_speech_bench(database, tmp_path, urls, openai_speech_requests_per_minute=2) as bench:
        attempt = asyncio.create_task(bench.speak(await bench.claimed(spec_of(OPENAI, "One.", "Two.", "Three."))))
        while len(fakes[OPENAI].bill) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)  # silence is what is tested
        attempt.cancel()
        await asyncio.wait([attempt])
    assert len(fakes[OPENAI].bill) == 2


async def test_a_busy_provider_is_asked_again(bench: SpeechBench, fakes: Fakes) -> None:
    fakes[ELEVENLABS].faults = [("POST", Fault(status=429, retry_after="0.05"))] * 2
    await bench.run(spec_of(ELEVENLABS, TEXT))
    assert len(fakes[ELEVENLABS].bill) == 1


async def test_a_refusal_is_told_without_the_key_and_another_provider_speaks(
    database: Database, tmp_path: Path, fakes: Fakes
) -> None:
    urls = {name: fake.url for name, fake in fakes.items()}
    async with open_speech_bench(database, tmp_path, urls, elevenlabs_api_key="wrong-secret") as bench:
        failure = await bench.fail(spec_of(ELEVENLABS, TEXT))
        assert failure.reason is ErrorReason.PROVIDER_FAILED
        assert failure.message.startswith("shot s1: elevenlabs responded with 401: Invalid API key")
        assert "wrong-secret" not in f"{failure.message} {failure.metadata}"
        fallbacks = (SpeechChoice(SpeechProvider.LOCAL), SpeechChoice(OPENAI, "nova", "tts-1"))
        narrated, job = await bench.run(spec_of(ELEVENLABS, TEXT, fallbacks=fallbacks))
    [result] = narrated.results
    assert (result["provider"], result["voice"], len(result["failed_before"])) == ("openai_compatible", "nova", 2)
    assert "wrong-secret" not in str(result)
    assert job.cost == (Cost("USD", COST[OPENAI]),)


@pytest.mark.parametrize("is_recorded", [False, True])
async def test_a_retry_does_not_pay_the_first_provider_where_a_fallback_has_spoken(
    is_recorded: bool, database: Database, tmp_path: Path, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {name: fake.url for name, fake in fakes.items()}
    spec = spec_of(ELEVENLABS, TEXT, TEXT, fallbacks=(SpeechChoice(CUSTOM),))
    fakes[ELEVENLABS].faults = [("POST", Fault(status=429, retry_after="0.01"))] * 2
    async with open_speech_bench(database, tmp_path, urls, limits=replace(SHORT, task_timeout=timedelta(0))) as bench:
        if is_recorded:
            claim = await bench.claimed(spec)
            await bench.speak(claim)
            await bench.lifecycle.release(claim.lease)
        else:
            await _lose_the_worker(bench, monkeypatch, spec)
        assert (fakes[ELEVENLABS].faults, len(fakes[CUSTOM].bill)) == ([], 1)
        narrated = await bench.speak(await bench.claim())
    assert [len(fakes[provider].bill) for provider in (ELEVENLABS, CUSTOM)] == [0, 1]
    assert [request.provider for request in narrated.requests] == [CUSTOM, CUSTOM]


async def test_a_narration_of_an_earlier_job_does_not_replace_the_provider_that_is_asked_for(
    bench: SpeechBench, fakes: Fakes
) -> None:
    await bench.run(spec_of(CUSTOM, TEXT))
    narrated, _ = await bench.run(spec_of(ELEVENLABS, TEXT, fallbacks=(SpeechChoice(CUSTOM),)))
    assert [len(fakes[provider].bill) for provider in (ELEVENLABS, CUSTOM)] == [1, 1]
    assert [request.provider for request in narrated.requests] == [ELEVENLABS]


async def test_a_fallback_for_one_shot_does_not_replace_the_voice_of_another(bench: SpeechBench, fakes: Fakes) -> None:
    spec = spec_of(ELEVENLABS, TEXT, TEXT, fallbacks=(SpeechChoice(CUSTOM),))
    shots = tuple(
        replace(shot, speech=Speech(voice))
        for shot, voice in zip(spec.project.shots, ("broken", "JBFqnCBsd6RMkjVDRZzb"), strict=True)
    )
    narrated, _ = await bench.run(replace(spec, project=replace(spec.project, shots=shots)))
    assert [request.provider for request in narrated.requests] == [CUSTOM, ELEVENLABS]


@pytest.mark.parametrize(
    ("provider", "status", "refused"),
    [
        (OPENAI, 400, {"error": {"code": "content_policy_violation", "message": "not allowed"}}),
        (ELEVENLABS, 403, {"detail": {"status": "content_against_policy", "message": "not allowed"}}),
    ],
)
async def test_refused_content_is_not_sent_to_others(
    provider: SpeechProvider, status: int, refused: dict[str, Any], bench: SpeechBench, fakes: Fakes
) -> None:
    fakes[provider].refuse = lambda body: answer(refused, status)
    failure = await bench.fail(spec_of(provider, TEXT, fallbacks=(SpeechChoice(CUSTOM),)))
    assert failure.reason is ErrorReason.CONTENT_REFUSED
    assert fakes[CUSTOM].bill == []


async def test_a_sound_that_cannot_be_decoded_is_paid_and_not_bought_again(bench: SpeechBench, fakes: Fakes) -> None:
    fakes[OPENAI].silent = True
    claim = await bench.claimed(spec_of(OPENAI, TEXT))
    for _ in range(2):
        with pytest.raises(RenderFailure, match="not a usable sound"):
            await bench.speak(claim)
    assert len(fakes[OPENAI].bill) == 1
    assert (await bench.job(claim)).cost == (Cost("USD", COST[OPENAI]),)


async def test_word_times_come_from_the_server_where_it_has_them(
    database: Database, tmp_path: Path, fakes: Fakes
) -> None:
    async with open_speech_bench(
        database, tmp_path, {OPENAI: fakes[OPENAI].url}, openai_speech_word_times=True
    ) as bench:
        narrated, _ = await bench.run(spec_of(OPENAI, TEXT))
    words = narrated.spec.project.shots[0].words
    assert [word.text for word in words] == TEXT.split()
    assert words[1].start.total_seconds() == pytest.approx(4 * SECONDS_A_CHARACTER)
    assert KEY not in str(narrated.results)
