"""The rules for motions, transitions and captions; the contract's comments name the same limits."""

import re
from collections.abc import Iterator

from render_service.domain.errors import FieldFault
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import CaptionOptions, Motion, MotionKind, Transition

MAX_CUE_WORDS = 12

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
# Beyond the picture's edge by no more than sums of fractions are inexact.
_INEXACT = 1e-9


def motion_faults(motion: Motion, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with a motion; `path` is its path in the request."""
    yield from _range(motion.focus_x, f"{path}.focus_x", 0, 1)
    yield from _range(motion.focus_y, f"{path}.focus_y", 0, 1)
    if motion.amount is not None:
        yield from _range(motion.amount, f"{path}.amount", 0.01, 0.5)
    views = [(name, view) for name, view in (("start", motion.start), ("end", motion.end)) if view]
    for name, view in views:
        yield from _view(view, f"{path}.{name}")
    if motion.kind is MotionKind.KEN_BURNS and not views:
        yield FieldFault(f"{path}.end", "must be given, or start, for KEN_BURNS")
    elif views and motion.kind is not MotionKind.KEN_BURNS:
        yield FieldFault(f"{path}.{views[0][0]}", "is for KEN_BURNS only; set kind to it, or omit this")


def _view(view: PictureView, path: str) -> Iterator[FieldFault]:
    for corner, name, start, length in (("x", "width", view.x, view.width), ("y", "height", view.y, view.height)):
        faults = [*_range(start, f"{path}.{corner}", 0, 1), *_range(length, f"{path}.{name}", 0.05, 1)]
        yield from faults
        if not faults and start + length > 1 + _INEXACT:
            yield FieldFault(f"{path}.{name}", f"must end within the picture: {corner} + {name} at most 1")


def transition_faults(transition: Transition, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with the edge of a transition; `path` is its path in the request."""
    if transition.softness is not None:
        yield from _range(transition.softness, f"{path}.softness", 0, 1)
    if transition.angle is not None:
        yield from _range(transition.angle, f"{path}.angle", 0, 360)


def caption_faults(captions: CaptionOptions, path: str, *, is_template: bool) -> Iterator[FieldFault]:
    """Yield what is wrong with caption options; `path` is their path. Texts of a template may have variables."""
    yield from _range(captions.scale, f"{path}.scale", 0.5, 2)
    yield from _range(captions.words_per_cue, f"{path}.words_per_cue", 0, MAX_CUE_WORDS)
    for name, color in (("color", captions.color), ("highlight_color", captions.highlight_color)):
        if color and not (is_template and "{{" in color) and not _COLOR.fullmatch(color):
            yield FieldFault(f"{path}.{name}", "must be a colour such as #FFD43B")
    if captions.preset is None:
        changes = ("position", "color", "highlight_color", "words_per_cue")
        for name in (name for name in changes if getattr(captions, name)):
            yield FieldFault(f"{path}.{name}", "changes a preset; set preset too, or omit it")


def _range(value: float, path: str, least: float, most: float) -> Iterator[FieldFault]:
    if not least <= value <= most:
        yield FieldFault(path, f"must be {least:g} to {most:g}")
