"""The provider `local`: generates no clips; the compositor renders stills and cards."""

from render_service.providers.generator import Generated, Generation, ReportProgress


class LocalProvider:
    """Generates nothing; the compositor does all the work."""

    makes_whole_videos = False

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Return at once."""
        return Generated()
