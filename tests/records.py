"""Jobs, projects and videos for tests, as small as the rules allow, and the steps that bring a job to a state."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import (
    Artifact,
    AudioTrack,
    AudioTrackKind,
    Job,
    ProviderName,
    RenderSpec,
    StoredFile,
    Video,
)
from render_service.domain.jobs.request import JobOptions, JobRequest
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.retry import RetryPolicy

HOUR = timedelta(hours=1)
PROJECT = Project(title="Test", shots=(Shot("one", caption="One", duration=timedelta(milliseconds=400)),))
SPEC = RenderSpec(PROJECT, OutputSpec(256, 144, 25, Quality.DRAFT))
VIDEO = Video(
    files={
        Artifact.VIDEO: StoredFile("videos/team/x/1/video.mp4", 1234, "ab" * 32, "video/mp4"),
        Artifact.POSTER: StoredFile("videos/team/x/1/poster.jpg", 12, "cd" * 32, "image/jpeg"),
    },
    width=256,
    height=144,
    fps=25,
    frames=10,
    check={"frames": 10},
    audio_tracks=(
        AudioTrack(AudioTrackKind.MIX, "en-US", ("af_heart",), "local", timedelta(0.4), "ef" * 32, Artifact.VIDEO),
    ),
)


def job_request(
    *,
    workspace: str = "team",
    provider: ProviderName = ProviderName.MOCK,
    spec: RenderSpec = SPEC,
    project_id: UUID | None = None,
    labels: Mapping[str, str] | None = None,
    request_id: UUID | None = None,
    body: bytes = b"body",
) -> JobRequest:
    """A job to be stored."""
    return JobRequest(workspace, project_id, provider, spec, JobOptions(labels or {}, request_id, body))


async def start_job(database: Database, request: JobRequest | None = None) -> Job:
    """Store a job."""
    job, _ = await Jobs(database).start(request or job_request())
    return job


def lifecycle_of(
    database: Database, *, lease: timedelta = timedelta(seconds=30), retry: RetryPolicy | None = None
) -> JobLifecycle:
    """The state machine with a lease and a policy of the test's own."""
    return JobLifecycle(database, lease=lease, retry=retry or RetryPolicy())


async def claim_next(lifecycle: JobLifecycle, *, deadline: timedelta = HOUR) -> Claim:
    """Claim the job that has waited longest; there must be one."""
    claim = await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=deadline)
    assert claim is not None
    return claim
