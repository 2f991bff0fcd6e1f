"""Clips are made by each provider, once, whatever goes wrong on the way."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import GenerationOptions, JobError, ProviderChoice, ProviderName
from tests.fakes.generating import Output, TaskPlan
from tests.fakes.http_server import Fault
from tests.fakes.runway import FakeRunway
from tests.generation_bench import SHORT, GenerationBench, open_bench, spec_of
from tests.integration.providers.generating import CUSTOM, DROP_AFTER, DROP_BEFORE, LOCAL, PIKA, RUNWAY, Fakes


@pytest.mark.parametrize("name", [RUNWAY, PIKA, CUSTOM])
async def test_each_shot_gets_a_clip_that_is_paid_once_and_recorded(
    bench: GenerationBench, fakes: Fakes, name: ProviderName
) -> None:
    claim = await bench.claimed(name, spec_of("dawn", "noon", "dusk"))
    made = await bench.generate(claim)
    assert set(made.clips) == {"s1", "s2", "s3"}
    prompts = [str(task.get("prompt") or task.get("promptText")) for task in fakes[name].bill]
    assert sorted(prompts) == ["dawn", "dusk", "noon"]
    assert made.raw_results is not None
    for number, clip in enumerate(made.raw_results.extra["clips"], 1):
        assert clip["shot_id"] == f"s{number}"
        assert clip["provider"] == name
        assert clip["task_id"] in fakes[name].tasks
        assert not clip["reused"]
        assert clip["seconds"] == pytest.approx(fakes[name].tasks[clip["task_id"]].seconds, abs=0.1)
    expected = {RUNWAY: Cost("runway-credits", Decimal(144)), PIKA: Cost("USD", Decimal("0.6"))}
    job = await bench.job(claim.lease.job_id)
    assert job.cost == (expected.get(name, Cost("USD", Decimal("0.24"))),)


@pytest.mark.parametrize("name", [RUNWAY, PIKA, CUSTOM])
async def test_a_clip_starts_from_the_shots_picture(
    bench: GenerationBench, fakes: Fakes, name: ProviderName, tmp_path: Path
) -> None:
    picture = tmp_path / "dawn.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n and the rest")
    claim = await bench.claimed(name, spec_of("it moves", image_uri="file:///assets/dawn.png"))
    await bench.generate(claim, {"s1": picture})
    (body,) = fakes[name].bill
    given = body.get("promptImage") or body.get("image_url")
    assert isinstance(given, str)
    fake = fakes[name]
    if isinstance(fake, FakeRunway):
        assert fake.uploads == {given: picture.read_bytes()}
    else:
        assert given.startswith("data:image/png;base64,")


LARGE = 10 * 1024 * 1024 + 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (RUNWAY, b"GIF89a", "runway does not take GIF; convert the picture to JPEG, PNG or WebP"),
        (PIKA, b"II*\0", "pika does not take TIFF; convert the picture to AVIF, GIF, JPEG, PNG or WebP"),
        (PIKA, b"\xff\xd8\xff".ljust(LARGE), "pika takes at most 10,485,760 bytes; the picture has 10,485,761"),
        (CUSTOM, b"\xff\xd8\xff".ljust(LARGE), "custom takes at most 10,485,760 bytes; the picture has 10,485,761"),
    ],
    ids=["runway-gif", "pika-tiff", "pika-large", "custom-large"],
)
async def test_a_picture_that_a_provider_does_not_take_is_refused_before_anything_is_paid(
    bench: GenerationBench, fakes: Fakes, name: ProviderName, content: bytes, message: str
) -> None:
    good, bad = bench.folder / "good", bench.folder / "bad"
    good.write_bytes(b"\x89PNG\r\n\x1a\n")
    bad.write_bytes(content)
    claim = await bench.claimed(name, spec_of("it moves", "it stands", image_uri="file:///assets/picture"))
    with pytest.raises(RenderFailure) as refused:
        await bench.generate(claim, {"s1": good, "s2": bad})
    assert refused.value.message == f"s2.image_uri: {message}"
    assert refused.value.reason is ErrorReason.ASSET_INVALID
    assert (refused.value.metadata["shot_id"], refused.value.metadata["field"]) == ("s2", "image_uri")
    assert not fakes[name].bill


async def test_a_picture_that_is_too_large_to_be_fetched_is_uploaded(
    bench: GenerationBench, fakes: Fakes, tmp_path: Path
) -> None:
    picture = tmp_path / "dawn.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n".ljust(16_000_001, b"\0"))
    claim = await bench.claimed(RUNWAY, spec_of("it moves", image_uri="https://example.com/dawn.png"))
    await bench.generate(claim, {"s1": picture})
    fake = fakes[RUNWAY]
    assert isinstance(fake, FakeRunway)
    assert [len(content) for content in fake.uploads.values()] == [16_000_001]


async def test_what_the_workspace_has_is_not_paid_again(bench: GenerationBench, fakes: Fakes) -> None:
    await bench.run(RUNWAY, spec_of("dawn", "noon"))
    again = await bench.run(RUNWAY, spec_of("noon", "dusk", "dawn"))
    assert len(fakes[RUNWAY].bill) == 3
    assert again.raw_results is not None
    assert [clip["reused"] for clip in again.raw_results.extra["clips"]] == [True, False, True]
    await bench.run(RUNWAY, spec_of("dawn"), workspace="others")
    assert len(fakes[RUNWAY].bill) == 4


async def test_equal_shots_of_one_render_get_clips_of_their_own(bench: GenerationBench, fakes: Fakes) -> None:
    await bench.run(RUNWAY, spec_of("dawn", "dawn"))
    await bench.run(RUNWAY, spec_of("dawn", "dawn"))
    assert len(fakes[RUNWAY].bill) == 2


async def test_a_shot_is_made_anew_when_asked_and_the_new_clip_is_used_from_then_on(
    bench: GenerationBench, fakes: Fakes
) -> None:
    await bench.run(RUNWAY, spec_of("dawn", "noon"))
    anew = spec_of("dawn", "noon", options=GenerationOptions(regenerate_shots=("s2",)))
    second = await bench.run(RUNWAY, anew)
    assert len(fakes[RUNWAY].bill) == 3
    third = await bench.run(RUNWAY, spec_of("dawn", "noon"))
    assert len(fakes[RUNWAY].bill) == 3
    assert second.raw_results is not None
    assert third.raw_results is not None
    assert second.raw_results.extra["clips"][1]["task_id"] == third.raw_results.extra["clips"][1]["task_id"]


async def test_two_jobs_at_once_that_want_the_same_clip_pay_it_once(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(running=0.5)
    first, second = await bench.claimed(RUNWAY, spec_of("dawn")), await bench.claimed(RUNWAY, spec_of("dawn"))
    await asyncio.gather(bench.generate(first), bench.generate(second))
    assert len(fakes[RUNWAY].bill) == 1


async def test_an_attempt_that_was_interrupted_is_continued_where_it_was(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(running=1.0)
    first = await bench.claimed(RUNWAY, spec_of("dawn", "noon"))
    attempt = asyncio.create_task(bench.generate(first))
    while len(fakes[RUNWAY].bill) < 2:
        await asyncio.sleep(0.02)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    await bench.lifecycle.release(first.lease)
    made = await bench.generate(await bench.claim())
    assert len(made.clips) == 2
    assert len(fakes[RUNWAY].bill) == 2


async def test_an_order_on_its_way_is_written_down_before_a_stopped_attempt_ends(
    bench: GenerationBench, fakes: Fakes
) -> None:
    fakes[RUNWAY].faults = [("POST", Fault(delay=0.5))]
    first = await bench.claimed(RUNWAY, spec_of("dawn"))
    attempt = asyncio.create_task(bench.generate(first))
    while not fakes[RUNWAY].requests:
        await asyncio.sleep(0.01)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    await bench.lifecycle.release(first.lease)
    await bench.generate(await bench.claim())
    assert len(fakes[RUNWAY].bill) == 1


@pytest.mark.parametrize("fault", [DROP_AFTER, DROP_BEFORE, Fault(status=504, after=True), Fault(status=500)])
@pytest.mark.parametrize("name", [RUNWAY, PIKA])
async def test_an_order_of_unknown_outcome_is_never_repeated_unasked(
    bench: GenerationBench, fakes: Fakes, name: ProviderName, fault: Fault
) -> None:
    fakes[name].faults = [("POST", fault)]
    claim = await bench.claimed(name, spec_of("dawn"))
    with pytest.raises(RenderFailure) as failed:
        await bench.generate(claim)
    assert failed.value.reason is ErrorReason.SUBMIT_OUTCOME_UNKNOWN
    assert failed.value.metadata == {"provider": name, "shot_id": "s1"}
    assert not failed.value.retryable
    before = len(fakes[name].bill)
    error = JobError(failed.value.reason, failed.value.message)
    await bench.lifecycle.end_attempt(claim.lease, error, retryable=False)
    again = await bench.claimed(name, spec_of("dawn"))
    with pytest.raises(RenderFailure):
        await bench.generate(again)
    await bench.lifecycle.end_attempt(again.lease, error, retryable=False)
    assert len(fakes[name].bill) == before
    allowed = spec_of("dawn", options=GenerationOptions(allow_resubmit=True))
    assert set((await bench.run(name, allowed)).clips) == {"s1"}
    assert len(fakes[name].bill) == before + 1


@pytest.mark.parametrize("fault", [DROP_AFTER, DROP_BEFORE, Fault(status=502, after=True), Fault(status=500)])
async def test_customs_order_is_repeated_under_its_key_and_paid_once(
    bench: GenerationBench, fakes: Fakes, fault: Fault
) -> None:
    fakes[CUSTOM].faults = [("POST", fault), ("POST", fault)]
    await bench.run(CUSTOM, spec_of("dawn"))
    assert len(fakes[CUSTOM].bill) == 1


async def test_a_worker_lost_while_it_ordered_leaves_an_unknown_outcome_but_for_custom(
    bench: GenerationBench, fakes: Fakes
) -> None:
    for name in (RUNWAY, CUSTOM):
        fakes[name].faults = [("POST", Fault(delay=1.0))]
        first = await bench.claimed(name, spec_of("dawn"))
        lost = asyncio.create_task(bench.generate(first))
        while not fakes[name].requests:
            await asyncio.sleep(0.01)
        # The lease passes on while the order is under way.
        await bench.lifecycle.release(first.lease)
        second = await bench.claim()
        if name is RUNWAY:
            with pytest.raises(RenderFailure) as failed:
                await bench.generate(second)
            assert failed.value.reason is ErrorReason.SUBMIT_OUTCOME_UNKNOWN
            await bench.lifecycle.end_attempt(
                second.lease, JobError(failed.value.reason, failed.value.message), retryable=False
            )
        else:
            assert set((await bench.generate(second)).clips) == {"s1"}
        lost.cancel()
        await asyncio.gather(lost, return_exceptions=True)
        assert len(fakes[name].bill) == 1
    # The lost worker could still note the outcome of its submission, which is not repeated.
    assert set((await bench.run(RUNWAY, spec_of("dawn"))).clips) == {"s1"}
    assert len(fakes[RUNWAY].bill) == 1


@pytest.mark.parametrize("name", [RUNWAY, PIKA, CUSTOM])
async def test_a_provider_that_is_busy_is_asked_again_when_it_wants_to_be(
    bench: GenerationBench, fakes: Fakes, name: ProviderName
) -> None:
    fakes[name].faults = [("POST", Fault(status=429, retry_after="0.3")), ("POST", Fault(status=503))]
    await bench.run(name, spec_of("dawn"))
    assert len(fakes[name].bill) == 1
    assert len([one for one in fakes[name].requests if one.method == "POST"]) == 3


@pytest.mark.parametrize("name", [RUNWAY, PIKA, CUSTOM])
async def test_polls_that_fail_temporarily_cost_nothing(
    bench: GenerationBench, fakes: Fakes, name: ProviderName
) -> None:
    polls = [Fault(status=502), DROP_BEFORE, Fault(status=429, retry_after="0.1")]
    fakes[name].faults = [("GET", fault) for fault in polls]
    await bench.run(name, spec_of("dawn"))
    assert len(fakes[name].bill) == 1


@pytest.mark.parametrize("name", [RUNWAY, PIKA, CUSTOM])
@pytest.mark.parametrize("output", [Output.EXPIRED_ONCE, Output.TRUNCATED_ONCE])
async def test_a_result_that_cannot_be_fetched_is_looked_up_again(
    bench: GenerationBench, fakes: Fakes, name: ProviderName, output: Output
) -> None:
    fakes[name].plan = lambda body: TaskPlan(output=output)
    assert set((await bench.run(name, spec_of("dawn"))).clips) == {"s1"}
    assert len(fakes[name].bill) == 1


@pytest.mark.parametrize("output", [Output.HTML, Output.SHORT])
async def test_a_result_that_is_not_what_was_ordered_fails_the_shot(
    bench: GenerationBench, fakes: Fakes, output: Output
) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(output=output)
    with pytest.raises(RenderFailure) as failed:
        await bench.run(RUNWAY, spec_of("dawn"))
    assert failed.value.reason is ErrorReason.PROVIDER_FAILED
    assert failed.value.metadata["code"] == "BAD_RESULT"
    assert len(fakes[RUNWAY].bill) == 1


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        (RUNWAY, "SAFETY.INPUT.TEXT", ErrorReason.CONTENT_REFUSED),
        (RUNWAY, "SAFETY.OUTPUT.VIDEO", ErrorReason.CONTENT_REFUSED),
        (RUNWAY, "INPUT_PREPROCESSING.SAFETY.TEXT", ErrorReason.CONTENT_REFUSED),
        (RUNWAY, "ASSET.INVALID", ErrorReason.ASSET_INVALID),
        (RUNWAY, "SOMETHING.NEW", ErrorReason.PROVIDER_FAILED),
        (PIKA, "content_policy_violation", ErrorReason.CONTENT_REFUSED),
        (CUSTOM, "content_refused", ErrorReason.CONTENT_REFUSED),
        (CUSTOM, "bad_input", ErrorReason.PROVIDER_FAILED),
    ],
)
async def test_a_failure_for_good_names_the_shot_and_is_not_repeated(
    bench: GenerationBench, fakes: Fakes, name: ProviderName, code: str, reason: ErrorReason
) -> None:
    fakes[name].plan = lambda body: TaskPlan(failure=code if "noon" in str(body) else None)
    claim = await bench.claimed(name, spec_of("dawn", "noon"))
    with pytest.raises(RenderFailure) as failed:
        await bench.generate(claim)
    assert failed.value.reason is reason
    assert failed.value.metadata["shot_id"] == "s2"
    assert not failed.value.retryable
    with pytest.raises(RenderFailure):
        await bench.generate(claim)
    assert len([body for body in fakes[name].bill if "noon" in str(body)]) == 1


@pytest.mark.parametrize(("name", "code"), [(RUNWAY, "INTERNAL.BAD_OUTPUT.CODE01"), (CUSTOM, "internal_error")])
async def test_an_internal_failure_of_a_provider_is_tried_again_a_few_times(
    bench: GenerationBench, fakes: Fakes, name: ProviderName, code: str
) -> None:
    fake = fakes[name]
    fake.plan = lambda body: TaskPlan(failure=code if len(fake.tasks) < 2 else None)
    assert set((await bench.run(name, spec_of("dawn"))).clips) == {"s1"}
    assert len(fake.bill) == 3
    fake.plan = lambda body: TaskPlan(failure=code)
    with pytest.raises(RenderFailure) as failed:
        await bench.run(name, spec_of("noon"))
    assert failed.value.reason is ErrorReason.PROVIDER_FAILED
    assert len(fake.bill) == 3 + 4


async def test_what_a_provider_cannot_make_the_next_one_makes(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(failure="ASSET.INVALID" if body["promptText"] != "dawn" else None)
    fakes[CUSTOM].plan = lambda body: TaskPlan(failure="bad_input" if body["prompt"] == "dusk" else None)
    options = GenerationOptions(fallbacks=(ProviderChoice(CUSTOM), ProviderChoice(LOCAL)))
    made = await bench.run(RUNWAY, spec_of("dawn", "noon", "dusk", options=options))
    assert made.raw_results is not None
    clips = made.raw_results.extra["clips"]
    assert [clip["provider"] for clip in clips] == ["runway", "custom", "local"]
    assert set(made.clips) == {"s1", "s2"}
    assert clips[1]["failed_before"] == ["runway: shot s2: runway cannot use the picture"]


async def test_a_retry_does_not_pay_the_first_provider_where_a_fallback_has_generated(
    database: Database, tmp_path: Path, fakes: Fakes
) -> None:
    fakes[RUNWAY].faults = [("POST", Fault(status=429, retry_after="0.01"))] * 2
    fakes[CUSTOM].plan = lambda _body: TaskPlan(running=0.0)  # it is done when it is first asked for
    spec = spec_of("dawn", options=GenerationOptions(fallbacks=(ProviderChoice(CUSTOM),)))
    urls = {name: fake.url for name, fake in fakes.items()}
    async with open_bench(database, tmp_path, urls, limits=replace(SHORT, task_timeout=timedelta(0))) as bench:
        claim = await bench.claimed(RUNWAY, spec)
        patient = replace(bench, limits=SHORT)
        await bench.generate(claim)
        await bench.lifecycle.release(claim.lease)
        made = await patient.generate(await bench.claim())
    assert fakes[RUNWAY].faults == []
    assert [len(fakes[name].bill) for name in (RUNWAY, CUSTOM)] == [0, 1]
    assert set(made.clips) == {"s1"}


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_clip_of_an_earlier_job_does_not_replace_the_provider_that_is_asked_for(
    is_stored: bool, bench: GenerationBench, fakes: Fakes
) -> None:
    earlier = await bench.run(CUSTOM, spec_of("dawn"))
    if not is_stored:
        await bench.store.delete_all(earlier.object_keys)
    fakes[RUNWAY].plan = lambda body: TaskPlan(failure="ASSET.INVALID" if body["promptText"] == "noon" else None)
    options = GenerationOptions(fallbacks=(ProviderChoice(CUSTOM),))
    made = await bench.run(RUNWAY, spec_of("dawn", options=options))
    assert [len(fakes[name].bill) for name in (RUNWAY, CUSTOM)] == [1, 1]
    assert made.raw_results is not None
    assert made.raw_results.extra["clips"][0]["provider"] == "runway"
    # In its turn, what was made before is not paid again.
    await bench.run(CUSTOM, spec_of("noon"))
    await bench.run(RUNWAY, spec_of("noon", options=options))
    assert len(fakes[CUSTOM].bill) == 2


async def test_refused_content_is_not_offered_to_others(bench: GenerationBench, fakes: Fakes) -> None:
    fakes[RUNWAY].plan = lambda body: TaskPlan(failure="SAFETY.INPUT.TEXT")
    options = GenerationOptions(fallbacks=(ProviderChoice(CUSTOM),))
    with pytest.raises(RenderFailure) as failed:
        await bench.run(RUNWAY, spec_of("dawn", options=options))
    assert failed.value.reason is ErrorReason.CONTENT_REFUSED
    assert not fakes[CUSTOM].bill
