"""Keys of the object store: the layout is as published, and no key leads out of the store."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.storage import keys

JOB = UUID("0f3b2f7c-8a5e-4c55-9a42-5d1d5a6a2b10")


def test_videos_lie_under_workspace_and_job() -> None:
    assert keys.file_key("team-a", JOB, 2, "video.mp4") == f"videos/team-a/{JOB}/2/video.mp4"
    assert keys.file_key("team-a", JOB, 2, "poster.jpg") == f"videos/team-a/{JOB}/2/poster.jpg"
    assert keys.file_key("team-a", JOB, 1, "video.mp4").startswith(keys.job_prefix("team-a", JOB) + "/")


def test_segments_and_assets_lie_under_their_workspace() -> None:
    digest = "ab" * 32
    assert keys.segment_key("team-a", digest) == f"segments/team-a/ab/{digest}.mp4"
    assert keys.asset_key("team-a", JOB, 2, digest) == f"assets/team-a/{JOB}/2/{digest}"
    assert keys.asset_key("team-a", JOB, 2, digest).startswith(keys.asset_prefix("team-a", JOB) + "/")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "a b",
        "a/\n",
        "a#1",
        "a%2e",
        "é",
        "x" * 129,
        "/".join(["abcdefghij"] * 60),
    ],
)
def test_unsound_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        keys.check_key(key)


@given(st.text(alphabet="ab./#_-= \\", max_size=30))
def test_a_sound_key_never_leaves_its_root(key: str) -> None:
    try:
        keys.check_key(key)
    except ValueError:
        return
    segments = key.split("/")
    assert all(segment not in ("", ".", "..") for segment in segments)


@pytest.mark.parametrize("digest", ["", "ab", "AB" * 32, "../" * 22, "zz" * 32])
def test_hashes_must_look_like_hashes(digest: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        keys.asset_key("team-a", JOB, 1, digest)
    with pytest.raises(ValueError, match="not a"):
        keys.segment_key("team-a", digest)


def test_workspace_ids_cannot_escape_through_a_key() -> None:
    with pytest.raises(ValueError, match="not a key"):
        keys.file_key("../other", JOB, 1, "video.mp4")
    with pytest.raises(ValueError, match="not a key"):
        keys.segment_key("../other", "ab" * 32)
