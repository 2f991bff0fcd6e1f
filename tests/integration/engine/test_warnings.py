"""Warnings of a job are stored as soon as they are known, not only when it completes."""

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.schema import job_events
from render_service.domain.jobs.job import JobStatus, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Project, Shot
from render_service.domain.warning import WarningCode
from render_service.providers.local import LocalProvider
from tests.integration.engine.harness import engine_with
from tests.records import job_request, start_job


async def test_a_job_has_its_warnings_before_it_completes(database: Database, tmp_path: Path) -> None:
    shot = Shot("one", visual_description="Dawn", caption="Good morning", duration=timedelta(seconds=1))
    project = Project(shots=(shot,), captions=CaptionOptions(highlight_words=True))
    spec = RenderSpec(project, OutputSpec(256, 144, 25, Quality.DRAFT))
    async with engine_with(database, tmp_path, LocalProvider(), name=ProviderName.LOCAL) as engine:
        await engine.compositor.start()
        job = await start_job(database, job_request(provider=ProviderName.LOCAL, spec=spec))
        await engine.runner.run_next()
        ended = await engine.job(job)
        await engine.compositor.close()
    assert (ended.status, [warning.code for warning in ended.warnings]) == (
        JobStatus.COMPLETED,
        [WarningCode.HIGHLIGHT_WITHOUT_WORDS],
    )
    async with database.single() as connection:
        rows = await connection.execute(
            sa.select(job_events.c.stage, job_events.c.warnings)
            .where(job_events.c.job_id == job.id)
            .order_by(job_events.c.sequence)
        )
        warned = {row.stage: len(row.warnings) for row in rows if row.stage}
    assert warned["COMPOSING"] == 0
    assert warned["CHECKING"] == warned["UPLOADING"] == 1
