"""Sidecar files that players read: times to the millisecond, marks escaped, words timed."""

import json
import re
from datetime import timedelta
from pathlib import Path

import av
import pytest

from render_service.compositor.captions.cues import Cue, CueWord
from render_service.compositor.captions.sidecars import write_srt, write_vtt, write_words
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import NarrationPolicy, Project, Shot, WordTiming
from render_service.domain.projects.timeline import plan_timeline
from render_service.domain.projects.word_times import TimingMethod

SPEC = RenderSpec(Project(), OutputSpec(1280, 720, 30, Quality.STANDARD))
CUES = (
    Cue("a", 0, 74, "Fish & chips <b>5 > 3</b> --> now"),
    Cue("a", 74, 150, "渔民们在灯光下修补渔网，讲着流传了两百年的故事，没有人记得。"),
    Cue("b", 108000, 108045, "يستيقظ الميناء"),
)


def test_srt_says_what_is_seen_and_when(tmp_path: Path) -> None:
    path = tmp_path / "captions.srt"
    write_srt(CUES, SPEC, path)
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    assert blocks[0] == "1\n00:00:00,000 --> 00:00:02,467\nFish & chips <\u2060b>5 > 3<\u2060/b> → now"
    assert blocks[1].splitlines()[1] == "00:00:02,467 --> 00:00:05,000"
    assert len(blocks[1].splitlines()) == 4
    assert blocks[2] == "3\n01:00:00,000 --> 01:00:01,500\nيستيقظ الميناء\n"


def test_vtt_escapes_marks_and_carries_the_words_times(tmp_path: Path) -> None:
    path = tmp_path / "captions.vtt"
    words = (CueWord(0, 4, 0, 10), CueWord(5, 6, 10, 20), CueWord(7, 12, 20, 74))
    write_vtt((Cue("a", 0, 74, "Fish & chips", words), *CUES), SPEC, path)
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert blocks[1] == "1\n00:00:00.000 --> 00:00:02.467\nFish <00:00:00.333>&amp; <00:00:00.667>chips"
    assert blocks[2].splitlines()[2] == "Fish &amp; chips &lt;b&gt;5 &gt; 3&lt;/b&gt; --&gt; now"


def test_a_video_without_captions_has_empty_sidecars(tmp_path: Path) -> None:
    write_srt((), SPEC, tmp_path / "captions.srt")
    write_vtt((), SPEC, tmp_path / "captions.vtt")
    assert (tmp_path / "captions.srt").read_text() == ""
    assert (tmp_path / "captions.vtt").read_text() == "WEBVTT\n"


@pytest.mark.parametrize("name", ["captions.srt", "captions.vtt"])
def test_ffmpeg_reads_every_cue_back_at_its_time(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (write_srt if name.endswith("srt") else write_vtt)(CUES, SPEC, path)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size]
    times = [round(float((packet.pts or 0) * packet.time_base) * 30) for packet in packets]
    assert times == [cue.start for cue in CUES]
    text = bytes(packets[1]).decode()
    assert re.sub(r"\s", "", text) == CUES[1].text


def test_words_have_the_times_of_the_video_and_none_is_there_that_is_cut_off(tmp_path: Path) -> None:
    def word(text: str, start: float, end: float) -> WordTiming:
        return WordTiming(text, timedelta(seconds=start), timedelta(seconds=end))

    second = timedelta(seconds=1)
    shots = (
        Shot("a", duration=2 * second, words=(word("one", 0.5, 1.5), word("two", 1.75, 3), word("cut", 2.5, 3))),
        Shot("b", duration=2 * second, words=(word("三", 0, 0.25),)),
    )
    project = Project(shots=shots, narration_policy=NarrationPolicy.TRIM)
    narrated = {shot.id: MediaFacts(narration=3 * second) for shot in shots}
    timeline = plan_timeline(project, 20, narrated)
    path = tmp_path / "words.json"
    write_words(timeline, path)
    assert json.loads(path.read_text(encoding="utf-8")) == [
        {"text": "one", "start": 0.5, "end": 1.5, "shot": "a"},
        {"text": "two", "start": 1.75, "end": 2.0, "shot": "a"},
        {"text": "三", "start": 2.0, "end": 2.25, "shot": "b"},
    ]
    write_words(timeline, path, {"b": TimingMethod.ESTIMATE})
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [word.get("source") for word in found] == [None, None, "estimate"]
