"""Which file of a stream is downloaded."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from render_service.domain.errors import DomainError, InvalidFields
from render_service.domain.jobs.job import Artifact, JobStatus, NamedVideo
from render_service.server.services.downloads import Downloads
from render_service.server.services.streams import with_urls
from render_service.storage.errors import ObjectAbsent
from render_service.storage.store import ObjectStore
from tests.unit.server.test_mapping_job import FILES, JOB

assert JOB.video is not None
STREAMED = replace(JOB.video, files=FILES, outputs=())
PLAIN = replace(STREAMED, files={Artifact.VIDEO: FILES[Artifact.VIDEO]})
# The stream begins with the second output.
SEVERAL = replace(PLAIN, outputs=(NamedVideo("gif", PLAIN), NamedVideo("hd", STREAMED)))


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    """Downloads from an empty folder."""
    return Downloads(ObjectStore(tmp_path.as_uri()), valid_for=timedelta(hours=1))


@pytest.mark.parametrize("video", [STREAMED, SEVERAL])
def test_the_stream_of_a_job_is_found_wherever_it_begins(downloads: Downloads, video: object) -> None:
    job = replace(JOB, status=JobStatus.COMPLETED, video=video)  # type: ignore[arg-type]
    playlist = downloads.file(job, Artifact.HLS)
    assert playlist.name == "master.m3u8"
    assert downloads.file(job, Artifact.VIDEO, stream_file="video.mp4") is playlist.parts[0]
    assert downloads.file(job, Artifact.VIDEO, stream_file="master.m3u8") == playlist


def test_a_file_that_the_stream_lacks_is_refused(downloads: Downloads) -> None:
    job = replace(JOB, status=JobStatus.COMPLETED, video=STREAMED)
    for name in ("../video.mp4", "other.mp4"):
        with pytest.raises(InvalidFields, match="stream_file"):
            downloads.file(job, Artifact.VIDEO, stream_file=name)
    with pytest.raises(DomainError, match="the job has no hls"):
        downloads.file(replace(job, video=PLAIN), Artifact.HLS)


def test_names_in_playlists_and_manifests_become_urls() -> None:
    urls = {"a-1.mp4": "https://s3.test/a-1.mp4?x=1&y=2"}
    playlist = '#EXTM3U\n#EXT-X-MAP:URI="a-1.mp4",BYTERANGE="7@0"\n#EXTINF:2.000,\na-1.mp4\n#EXT-X-ENDLIST\n'
    signed = with_urls(playlist, urls, is_manifest=False)
    assert signed == playlist.replace("a-1.mp4", urls["a-1.mp4"])
    manifest = "<MPD><BaseURL>a-1.mp4</BaseURL></MPD>"
    assert with_urls(manifest, urls, is_manifest=True) == (
        "<MPD><BaseURL>https://s3.test/a-1.mp4?x=1&amp;y=2</BaseURL></MPD>"
    )
    with pytest.raises(ObjectAbsent):
        with_urls(playlist, {}, is_manifest=False)
