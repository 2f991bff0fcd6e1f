"""The samples are the first thing people render: they must parse, be complete and be small."""

import runpy
from pathlib import Path

import av
import numpy as np
import pytest
from google.protobuf import json_format
from PIL import Image
from render_client.v1 import project_pb2

from render_service.domain.faults import Faults
from render_service.domain.projects.narrations import spoken_narrations
from render_service.domain.projects.template import fill_in
from render_service.domain.speech.voices import find_voice
from render_service.server.mapping.project import project_from_proto

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def read_project(name: str) -> project_pb2.Project:
    return json_format.Parse((SAMPLES / name / "project.json").read_text("utf-8"), project_pb2.Project())


def seconds(project: project_pb2.Project) -> float:
    """Length of the video as the contract defines it: the shots less their overlaps, all of them stated here."""
    shots = project.storyboard.shots
    overlaps = [shot.transition for shot in shots[1:] if shot.transition.kind != project_pb2.TRANSITION_KIND_CUT]
    assert all(transition.HasField("duration") for transition in overlaps)
    nanoseconds = sum(shot.duration.ToNanoseconds() for shot in shots)
    return float(nanoseconds - sum(transition.duration.ToNanoseconds() for transition in overlaps)) / 1e9


def has_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def has_latin(text: str) -> bool:
    return any("a" <= character <= "z" for character in text.lower())


@pytest.mark.parametrize("name", ["harbour", "quickstart"])
def test_every_shot_has_an_id_of_its_own_and_a_duration(name: str) -> None:
    shots = read_project(name).storyboard.shots
    assert len({shot.id for shot in shots}) == len(shots)
    assert all(shot.id and shot.duration.ToNanoseconds() > 0 for shot in shots)


@pytest.mark.parametrize("name", ["harbour", "quickstart"])
def test_every_asset_lies_beside_its_project_and_every_picture_is_used(name: str) -> None:
    project = read_project(name)
    folder = SAMPLES / name
    uris = [
        uri for shot in project.storyboard.shots for uri in (shot.image_uri, shot.clip_uri, shot.narration_audio_uri)
    ]
    used = {uri for uri in [*uris, project.music.uri] if uri}
    assert all((folder / uri).resolve().is_relative_to(folder) and (folder / uri).is_file() for uri in used)
    pictures = {path.relative_to(folder).as_posix() for path in folder.glob("images/*")}
    assert pictures <= used


def test_the_harbour_is_thirty_seconds_of_seven_shots_with_every_kind_of_caption() -> None:
    project = read_project("harbour")
    shots = project.storyboard.shots
    assert project.mode == project_pb2.PROJECT_MODE_STANDARD
    assert len(shots) == 7
    assert seconds(project) == pytest.approx(30.0)
    kinds = {(has_latin(shot.caption), has_chinese(shot.caption)) for shot in shots if shot.caption}
    assert kinds == {(True, False), (False, True), (True, True)}
    assert all(shot.caption.count("\n") == 1 for shot in shots if has_latin(shot.caption) and has_chinese(shot.caption))
    cards = [shot for shot in shots if not shot.image_uri]
    assert [shot.id for shot in cards] == ["golden-hour"]
    assert cards[0].visual_description


def test_the_harbour_is_spoken_in_english_and_chinese_as_its_captions_say() -> None:
    faults = Faults()
    project = project_from_proto(read_project("harbour"), "project", faults)
    faults.raise_if_any()
    spoken = spoken_narrations(project)
    voices = [find_voice(request.voice) for request in spoken.values()]
    languages = [voice.language for voice in voices if voice is not None]
    assert languages == ["en-US", "en-US", "zh-CN", "en-US", "en-US", "zh-CN", "en-US"]
    captions = [(shot.narration, shot.caption) for shot in project.shots if shot.caption]
    assert all(narration in caption for narration, caption in captions)
    assert project.captions.highlight_words


def test_the_harbour_pictures_are_large_enough_to_zoom_and_small_enough_to_keep() -> None:
    pictures = sorted((SAMPLES / "harbour" / "images").iterdir())
    assert len(pictures) == 6
    for path in pictures:
        assert path.stat().st_size < 500_000
        with Image.open(path) as picture:
            assert (picture.format, picture.size, picture.mode) == ("JPEG", (2560, 1440), "RGB")


def test_the_harbour_music_outlasts_the_video_and_does_not_clip() -> None:
    path = SAMPLES / "harbour" / "music.m4a"
    assert path.stat().st_size < 700_000
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
    assert {(frame.sample_rate, frame.layout.name) for frame in frames} == {(48_000, "stereo")}
    assert 38 < sum(frame.samples for frame in frames) / 48_000 < 42
    loudest = max(float(np.abs(frame.to_ndarray()).max()) for frame in frames)
    assert 0.3 < loudest < 0.95


def test_the_quickstart_needs_no_assets_and_takes_four_seconds() -> None:
    project = read_project("quickstart")
    assert len(project.storyboard.shots) == 2
    assert seconds(project) == pytest.approx(4.0)
    assert not project.HasField("music")
    assert not any(shot.image_uri or shot.clip_uri for shot in project.storyboard.shots)
    assert sum(has_chinese(shot.caption) for shot in project.storyboard.shots) == 1


def test_the_template_is_filled_by_the_values_of_each_of_its_cities() -> None:
    cities = runpy.run_path(str(SAMPLES / "template" / "render_cities.py"))["CITIES"]
    template = project_from_proto(read_project("template"), "project", Faults())
    assert len(cities) == 3
    for city, values in cities.items():
        filling = fill_in(template, {"city": city, **values}, "project", "variables")
        assert filling.faults == ()
        assert filling.project is not None
        assert all((SAMPLES / "template" / shot.image_uri).is_file() for shot in filling.project.shots)
