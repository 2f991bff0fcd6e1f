"""Chapter marks of a video."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter mark: its title applies to the frames of a shot from `start` up to, but not including, `end`."""

    title: str
    start: int
    end: int
    shot_id: str = ""
