"""Writes what is not a caption as WebVTT (W3C CR 2019): chapters, and the times of thumbnails."""

from collections.abc import Sequence
from pathlib import Path

from render_service.compositor.encoding.chapter import Chapter
from render_service.compositor.encoding.sprite_sheet import SpriteSheet


def write_chapters(chapters: Sequence[Chapter], fps: int, path: Path) -> None:
    """Write chapters, for `<track kind="chapters">`.

    Args:
        chapters: In order.
        fps: Frames per second of the video.
        path: The file to write.
    """
    _write([(chapter.start, chapter.end, escaped(chapter.title)) for chapter in chapters], fps, path)


def write_thumbnail_times(sheet: SpriteSheet, frames: int, fps: int, picture: str, path: Path) -> None:
    """Write which part of a sprite sheet shows which time, as spatial media fragments (`#xywh`).

    Args:
        sheet: The sheet.
        frames: Length of the video.
        fps: Its frames per second.
        picture: The sheet's file name, as the cues name it.
        path: The file to write.
    """
    step = sheet.interval * fps
    cues = []
    for index in range(sheet.count):
        left, top = sheet.place(index)
        cell = f"{picture}#xywh={left},{top},{sheet.width},{sheet.height}"
        cues.append((index * step, min((index + 1) * step, frames), cell))
    _write(cues, fps, path)


def cue_time(frame: int, fps: int, mark: str = ".") -> str:
    """Return a frame's time as hours, minutes, seconds and milliseconds, rounded to the nearest.

    Args:
        frame: Number of the frame.
        fps: Frames per second.
        mark: What separates the milliseconds: a full stop in WebVTT, a comma in SubRip.
    """
    milliseconds = (2000 * frame + fps) // (2 * fps)
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


def escaped(text: str) -> str:
    """Return a text whose marks WebVTT readers show as they are."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write(cues: Sequence[tuple[int, int, str]], fps: int, path: Path) -> None:
    blocks = [
        f"{number}\n{cue_time(start, fps)} --> {cue_time(end, fps)}\n{text}\n"
        for number, (start, end, text) in enumerate(cues, 1)
    ]
    path.write_text("\n".join(("WEBVTT\n", *blocks)), encoding="utf-8", newline="\n")
