"""Writes captions as sidecar files, SubRip (`.srt`) and WebVTT (`.vtt`, W3C CR 2019), and spoken words as JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from pathlib import Path

from render_service.compositor.captions.cues import Cue
from render_service.compositor.captions.layout import CaptionFormat, caption_format, lay_out_caption
from render_service.compositor.encoding.webvtt import cue_time, escaped
from render_service.compositor.text.line_breaking import LineSpan
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.timeline import Timeline
from render_service.domain.projects.word_times import TimingMethod

_WORD_JOINER = "\u2060"
_SRT_MARKUP = re.compile(r"<(?=/?[a-zA-Z!])|\{(?=[\\a-zA-Z*])|\\(?=[NnhH{}])")


def write_srt(cues: Sequence[Cue], spec: RenderSpec, path: Path) -> None:
    """Write captions as SubRip: UTF-8, with the line breaks of the picture. Without captions the file is empty.

    Args:
        cues: All captions in time order.
        spec: The render.
        path: The file to write.
    """
    blocks, fmt = [], caption_format(spec)
    for number, cue in enumerate(cues, 1):
        times = f"{cue_time(cue.start, spec.output.fps, ',')} --> {cue_time(cue.end, spec.output.fps, ',')}"
        lines = [_srt_text(line.of(cue.text)) for line in _lines(cue, spec.output, fmt)]
        blocks.append("\n".join((str(number), times, *lines)) + "\n")
    path.write_text("\n".join(blocks), encoding="utf-8", newline="\n")


def write_vtt(cues: Sequence[Cue], spec: RenderSpec, path: Path) -> None:
    """Write captions as WebVTT: UTF-8, with the line breaks of the picture and time stamps for spoken words.

    Args:
        cues: All captions in time order.
        spec: The render.
        path: The file to write.
    """
    blocks, fmt = ["WEBVTT\n"], caption_format(spec)
    for number, cue in enumerate(cues, 1):
        times = f"{cue_time(cue.start, spec.output.fps)} --> {cue_time(cue.end, spec.output.fps)}"
        lines = [_vtt_line(cue, line, spec.output.fps) for line in _lines(cue, spec.output, fmt)]
        blocks.append("\n".join((str(number), times, *lines)) + "\n")
    path.write_text("\n".join(blocks), encoding="utf-8", newline="\n")


def write_words(timeline: Timeline, path: Path, methods: Mapping[str, TimingMethod] | None = None) -> None:
    """Write the words that are spoken as JSON: text, start and end in seconds of the video, and shot, by time.

    Words that were found in a recorded narration also have `source`: how.

    A word that begins after its narration has been cut off is omitted.

    Args:
        timeline: The shots, with their words.
        path: The file to write.
        methods: How words were found in recorded narrations, by shot id.
    """
    fps, words = timeline.fps, []
    for placed in timeline.shots:
        frames = placed.narration_frames or timeline.frames - placed.narration_start
        end = timedelta(seconds=1) * min(frames, timeline.frames - placed.narration_start) / fps
        begin = timedelta(seconds=1) * placed.narration_start / fps
        method = (methods or {}).get(placed.shot_id)
        source = {} if method is None else {"source": method.value}
        for word in placed.shot.words:
            if word.start < end:
                first, last = ((begin + time).total_seconds() for time in (word.start, min(word.end, end)))
                words.append({"text": word.text, "start": first, "end": last, "shot": placed.shot_id, **source})
    words.sort(key=itemgetter("start"))
    path.write_text(json.dumps(words, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _lines(cue: Cue, output: OutputSpec, fmt: CaptionFormat) -> Sequence[LineSpan]:
    layout = lay_out_caption(cue.text, output.width, output.height, fmt)
    return layout.spans if layout is not None else ()


def _vtt_line(cue: Cue, line: LineSpan, fps: int) -> str:
    parts, position = [], line.first
    for word in cue.words:
        # A time in the text must lie inside the cue's own (WebVTT 4.2.1); the first word begins with the cue.
        if line.first <= word.first < line.last and word.start > cue.start:
            parts += [escaped(cue.text[position : word.first]), f"<{cue_time(word.start, fps)}>"]
            position = word.first
    return "".join((*parts, escaped(line._replace(first=position).of(cue.text))))


def _srt_text(text: str) -> str:
    """Return a line that SubRip readers show as it is.

    They treat `<b>`, `{b}` and `\\N` as markup, and a line with `-->` as a line of times. SubRip has no escapes: FFmpeg
    and mpv show `&lt;` as it is written. So an invisible joiner keeps what looks like markup from being read as such.
    """
    return _SRT_MARKUP.sub(f"\\g<0>{_WORD_JOINER}", text).replace("-->", "→")
