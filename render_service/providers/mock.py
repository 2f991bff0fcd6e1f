"""The provider `mock`: reports every stage without rendering a video, for testing clients."""

import asyncio

from render_service.domain.jobs.job import RawResults
from render_service.providers.generator import Generated, Generation, ReportProgress

_STAGES = (
    (0.10, "Mock: reading the script"),
    (0.30, "Mock: generating clips"),
    (0.60, "Mock: putting them together"),
    (0.90, "Mock: finishing"),
)


class MockProvider:
    """Reports 10, 30, 60, 90 % and returns a placeholder URL.

    Args:
        delay_seconds: How long each of the four stages takes.
    """

    makes_whole_videos = True

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Report each stage, then return the placeholder."""
        for fraction, message in _STAGES:
            await asyncio.sleep(self._delay_seconds)
            await report(fraction, message)
        url = f"https://example.com/mock-videos/{work.lease.task_id}.mp4"
        results = RawResults(status="completed", video_urls=(url,), extra={"provider": "mock"})
        return Generated(raw_results=results)
