"""A caption that looks like markup is shown as it was written, by whatever reads the SubRip file."""

from pathlib import Path

import av
import pytest
from av.subtitles.subtitle import AssSubtitle

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.sidecars import write_srt
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project


@pytest.mark.parametrize(
    "text",
    [
        "a <b>bold</b> word",
        "<i>all</i>",
        "<font color=red>red</font>",
        "{b}not bold{/b}",
        "{\\an8}not at the top",
        "one\\Ntwo \\h three",
        "5 < 6 > 4 & 3 <3",
        "C:\\new {x} <x@example.org>",
    ],
)
def test_ffmpeg_shows_markup_as_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "captions.srt"
    write_srt((Cue("a", 0, 60, text),), RenderSpec(Project(), OutputSpec(1920, 1080, 30, Quality.STANDARD)), path)
    with av.open(str(path)) as container:
        subtitles = [subtitle for packet in container.demux() if packet.size for subtitle in packet.decode()]
    shown = [subtitle.ass.decode() for subtitle in subtitles if isinstance(subtitle, AssSubtitle)]
    # The fields of an ASS event end with the text; its renderer shows what FFmpeg left, less the invisible joiners.
    assert [line.split(",", 8)[8].replace("\u2060", "") for line in shown] == [text]
