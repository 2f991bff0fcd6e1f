"""How long texts take to read: determines the length of shots without narration, and which captions are too fast."""

import unicodedata
from datetime import timedelta

from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.project import Project, Shot

COMFORTABLE = 0.75
"""Share of the fastest speed at which a text is read with ease: 15 characters a second, about 170 words a minute."""

# The fastest that viewers follow, in characters a second with blanks: subtitle guides allow 17–20, East Asian 9–11.
_NARROW_SPEED, _WIDE_SPEED = 20.0, 10.0
_WITHOUT_WIDTH = frozenset(("Mn", "Me", "Cf", "Cc"))


def shown_caption(project: Project, shot: Shot) -> str:
    """Return the caption of a shot, or its narration in modes that caption narration; may be empty."""
    if shot.caption is not None:
        return shot.caption
    return shot.narration if MODE_PRESETS[project.mode].narration_as_caption else ""


def reading_seconds(text: str) -> float:
    """Return the minimum time for which a text must be shown, in seconds.

    In a text of two languages, on lines of their own, each viewer reads one: the slower counts.
    """
    wide = sum(line_seconds for line_seconds, is_wide in _lines(text) if is_wide)
    narrow = sum(line_seconds for line_seconds, is_wide in _lines(text) if not is_wide)
    return max(wide, narrow)


def comfortable_time(text: str) -> timedelta:
    """Return how long a text is shown so that it is read with ease."""
    return timedelta(seconds=reading_seconds(text) / COMFORTABLE)


def _lines(text: str) -> list[tuple[float, bool]]:
    """Return for each line the seconds that it takes, and whether it is East Asian."""
    return [_line(line) for line in text.split("\n") if line.strip()]


def _line(line: str) -> tuple[float, bool]:
    letters = [character for character in line.strip() if unicodedata.category(character) not in _WITHOUT_WIDTH]
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in letters)
    seconds = wide / _WIDE_SPEED + (len(letters) - wide) / _NARROW_SPEED
    return seconds, 3 * wide > len(letters)
