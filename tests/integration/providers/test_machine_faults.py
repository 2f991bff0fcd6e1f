"""What this machine lacks is not blamed on a provider, and costs no clip that is paid."""

import errno
from pathlib import Path

import httpx
import pytest

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.providers.generation.results import ClipCopies, ClipInfo
from tests.generation_bench import GenerationBench, spec_of
from tests.integration.providers.generating import RUNWAY, Fakes


async def test_a_paid_clip_that_this_machine_cannot_probe_is_kept(bench: GenerationBench, fakes: Fakes) -> None:
    probes = 0
    copies = bench.copies

    async def probe(path: Path) -> ClipInfo:
        nonlocal probes
        probes += 1
        if probes == 1:
            raise RenderFailure(ErrorReason.COMPOSE_FAILED, "the worker's machine failed", worker_fault=True)
        return await copies._probe(path)

    bench.copies = ClipCopies(bench.store, copies._fetchers, probe)
    claim = await bench.claimed(RUNWAY, spec_of("dawn"))
    with pytest.raises(RenderFailure) as failed:
        await bench.generate(claim)
    assert failed.value.worker_fault
    await bench.generate(claim)
    assert len(fakes[RUNWAY].bill) == 1


async def test_a_provider_is_not_given_up_for_want_of_file_handles(
    bench: GenerationBench, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(transport: object, request: httpx.Request) -> httpx.Response:
        lacking = OSError(errno.EMFILE, "Too many open files")
        raise httpx.ConnectError("All connection attempts failed", request=request) from lacking

    claim = await bench.claimed(RUNWAY, spec_of("dawn"))
    for _ in range(bench.limits.retry.max_attempts + 1):
        with monkeypatch.context() as patch:
            patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", connect)
            with pytest.raises(RenderFailure) as failed:
                await bench.generate(claim)
        assert failed.value.worker_fault
    assert not fakes[RUNWAY].bill
    assert (await bench.generate(claim)).clips
    assert len(fakes[RUNWAY].bill) == 1
