"""What a video is cut from, as an editing program reads it: every shot, layer and sound in its frames."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import opentimelineio
import pytest

from render_service.compositor.editing_timeline import write_editing_timeline
from render_service.compositor.encoding.chapter import Chapter
from render_service.domain.cards.model import LowerThirdCard, ShotCard
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Layer, PictureLayer, TextLayer
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.looks.sounds import SoundClip, SoundRole
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Card, Music, Project, Shot, Transition, TransitionKind
from render_service.domain.projects.timeline import Timeline, plan_timeline

OUTPUT = OutputSpec(1280, 720, 25, Quality.STANDARD)
SECOND = timedelta(seconds=1)
FADE = Transition(TransitionKind.CROSS_FADE, duration=SECOND)
PROJECT = Project(
    title="Harbour",
    title_card=Card("Harbour", duration=3 * SECOND),
    shots=(
        Shot("still", image_uri="https://example.com/a.png", duration=4 * SECOND, transition=FADE),
        Shot(
            "clip",
            clip_uri="https://example.com/b.mp4",
            clip=ClipEdit(start=2 * SECOND, speed=2.0),
            duration=4 * SECOND,
            transition=FADE,
            narration_audio_uri="https://example.com/voice.wav",
            layers=(
                Layer("name", text=TextLayer("Mara"), start=SECOND, duration=SECOND),
                Layer("logo", picture=PictureLayer("https://example.com/logo.png")),
            ),
        ),
        Shot("drawn", visual_description="Dawn", duration=2 * SECOND, transition=Transition(TransitionKind.CUT)),
    ),
    layers=(Layer("bug", text=TextLayer("Live")),),
    music=Music("https://example.com/song.mp3"),
    sounds=(
        SoundClip("https://example.com/bell.wav", SoundRole.EFFECT, start=SECOND, duration=2 * SECOND),
        SoundClip("https://example.com/gull.wav", SoundRole.EFFECT, start=2 * SECOND, duration=2 * SECOND),
    ),
)


def written(project: Project, folder: Path) -> tuple[Timeline, Any]:
    """Return the plan of a project, and what an editing program reads of it."""
    facts = {"clip": MediaFacts(clip=20 * SECOND, narration=2 * SECOND)}
    planned = plan_timeline(project, OUTPUT.fps, facts)
    chapters = [Chapter(shot.shot_id, shot.start, shot.end) for shot in planned.shots]
    path = folder / "timeline.otio"
    write_editing_timeline(planned, RenderSpec(project, OUTPUT), chapters, "video.mp4", path)
    return planned, opentimelineio.adapters.read_from_file(str(path))


def test_a_card_over_a_picture_is_a_generator_above_it(tmp_path: Path) -> None:
    card = ShotCard(lower_third=LowerThirdCard("Mara"))
    still = Shot("still", image_uri="https://example.com/a.png", duration=4 * SECOND, card=card)
    alone = Shot("alone", duration=2 * SECOND, transition=Transition(TransitionKind.CUT), card=card)
    _, read = written(Project(shots=(still, alone)), tmp_path)
    shots, cards = read.video_tracks()
    (placed,) = cards.find_clips()
    assert placed.media_reference.parameters["lower_third"]["name"] == "Mara"
    assert frames(placed.source_range) == (0, 100)
    assert list(shots.find_clips())[1].media_reference.target_url.endswith("video.mp4")


def frames(time: Any) -> tuple[float, float]:
    return time.start_time.value, time.duration.value


def test_the_shots_fill_the_video_and_meet_in_the_middle_of_their_transitions(tmp_path: Path) -> None:
    planned, read = written(PROJECT, tmp_path)
    shots, *_ = read.video_tracks()
    assert (read.name, shots.duration().value, shots.duration().rate) == ("Harbour", planned.frames, 25)
    clips = list(shots.find_clips())
    assert [clip.name for clip in clips] == ["@title", "still", "clip", "drawn"]
    for clip, shot in zip(clips, planned.shots, strict=True):
        assert clip.range_in_parent().start_time.value == shot.start + shot.overlap_in // 2
    joins = [item for item in shots if isinstance(item, opentimelineio.schema.Transition)]
    assert [join.transition_type for join in joins] == ["SMPTE_Dissolve"] * 2
    assert [join.in_offset.value + join.out_offset.value for join in joins] == [25, 25]
    for shot, join in zip(planned.shots[1:], joins, strict=False):
        assert shots.range_of_child(join).start_time.value == shot.start
    assert [(marker.name, *frames(marker.marked_range)) for marker in shots.markers] == [
        (shot.shot_id, shot.start, shot.frames) for shot in planned.shots
    ]


def test_a_shot_refers_to_its_file_and_what_was_drawn_to_the_video(tmp_path: Path) -> None:
    planned, read = written(PROJECT, tmp_path)
    title, still, clip, drawn = read.video_tracks()[0].find_clips()
    assert title.media_reference.target_url == drawn.media_reference.target_url == "video.mp4"
    assert frames(drawn.source_range) == (planned.shots[3].start, planned.shots[3].frames)
    assert still.media_reference.target_url == "https://example.com/a.png"
    assert clip.media_reference.target_url == "https://example.com/b.mp4"
    # Two seconds into the file, and half a transition of twice the speed further.
    assert clip.source_range.start_time.value == 2 * 25 + 2 * (planned.shots[2].overlap_in // 2)
    assert [effect.time_scalar for effect in clip.effects] == [2.0]


@pytest.mark.parametrize("edit", [ClipEdit(freeze_at=timedelta(0)), ClipEdit(reverse=True)])
def test_a_clip_that_stands_still_or_runs_backwards_is_shown_as_it_does(tmp_path: Path, edit: ClipEdit) -> None:
    shots = tuple(replace(shot, clip=edit) if shot.clip_uri else shot for shot in PROJECT.shots)
    _, read = written(replace(PROJECT, shots=shots), tmp_path)
    clip = list(read.video_tracks()[0].find_clips())[2]
    if edit.reverse:
        assert [effect.time_scalar for effect in clip.effects] == [-1.0]
    else:
        assert clip.media_reference.target_url == "video.mp4"


def test_layers_lie_above_the_shots_at_their_times(tmp_path: Path) -> None:
    planned, read = written(PROJECT, tmp_path)
    shot = planned.shots[2]
    _, name, logo, bug = read.video_tracks()
    placed = [
        (clip.name, *frames(clip.range_in_parent())) for track in (name, logo, bug) for clip in track.find_clips()
    ]
    assert placed == [
        ("name", shot.start + 25, 25),
        ("logo", shot.start, shot.frames),
        ("bug", 0, planned.frames),
    ]
    (text,) = name.find_clips()
    assert text.media_reference.generator_kind == "render.text"
    assert text.media_reference.parameters["text"] == "Mara"
    assert next(iter(logo.find_clips())).media_reference.target_url == "https://example.com/logo.png"


def test_sounds_that_are_heard_at_once_have_tracks_of_their_own(tmp_path: Path) -> None:
    planned, read = written(PROJECT, tmp_path)
    heard = {
        track.name: [
            (clip.media_reference.target_url[-8:], *frames(clip.range_in_parent())) for clip in track.find_clips()
        ]
        for track in read.audio_tracks()
    }
    assert heard == {
        "Narration": [("oice.wav", planned.shots[2].narration_start, planned.shots[2].narration_frames)],
        "Music": [("song.mp3", 0, planned.frames)],
        "Sounds": [("bell.wav", 25, 50)],
        "Sounds (2)": [("gull.wav", 50, 50)],
    }
