"""The provider `local`: makes no clips, since stills and cards are all that the compositor needs."""

from render_service.providers.provider import Generated, Generation, ReportProgress


class LocalProvider:
    """Leaves the whole work to the compositor."""

    makes_whole_videos = False

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Return at once."""
        return Generated()
