"""The rules for motions, transitions and captions; the contract's comments name the same limits."""

import re
from collections.abc import Iterator
from datetime import timedelta

from render_service.domain.errors import FieldFault
from render_service.domain.layers.brand_names import color_fault, is_color_name
from render_service.domain.layers.fonts import font_fault
from render_service.domain.projects.looks.clips import MAX_SPEED, MIN_SPEED
from render_service.domain.projects.looks.sounds import SoundClip
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import CaptionOptions, Motion, MotionKind, Shot, Transition, TransitionKind
from render_service.domain.projects.shot_source import StillSource, declared_source

MAX_CUE_WORDS = 12
PRESET_CHANGES = ("position", "color", "highlight_color", "words_per_cue")
"""Fields of caption options that change a preset."""
LONGEST_CLIP = timedelta(hours=4)
LONGEST_FADE = timedelta(seconds=10)

_NOTHING = timedelta(0)

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
# Beyond the picture's edge by no more than sums of fractions are inexact.
_INEXACT = 1e-9


def motion_faults(motion: Motion, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with a motion; `path` is its path in the request."""
    yield from _range(motion.focus_x, f"{path}.focus_x", 0, 1)
    yield from _range(motion.focus_y, f"{path}.focus_y", 0, 1)
    if motion.focus is not None and (motion.focus_x, motion.focus_y) != (0.5, 0.5):
        yield FieldFault(f"{path}.focus", "must be omitted with focus_x or focus_y: one of them decides")
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
    if transition.kind is TransitionKind.LUMA and not transition.mask_uri:
        yield FieldFault(f"{path}.mask_uri", "must be given for LUMA")
    elif transition.mask_uri and transition.kind is not TransitionKind.LUMA:
        yield FieldFault(f"{path}.mask_uri", "is for LUMA only; set kind to it, or omit this")


def caption_faults(captions: CaptionOptions, path: str, *, is_template: bool, is_branded: bool) -> Iterator[FieldFault]:
    """Yield what is wrong with caption options.

    Args:
        captions: The options.
        path: Their path in the request.
        is_template: Whether their texts may have variables.
        is_branded: Whether a brand kit is still to fill in what they omit, such as the preset that they change.
    """
    yield from _range(captions.letter_scale, f"{path}.scale", 0.5, 2)
    yield from _range(captions.words_per_cue, f"{path}.words_per_cue", 0, MAX_CUE_WORDS)
    if captions.font and not (is_template and "{{" in captions.font) and (fault := font_fault(captions.font)):
        yield FieldFault(f"{path}.font", fault)
    for name, color in (("color", captions.color), ("highlight_color", captions.highlight_color)):
        if not color or (is_template and "{{" in color) or is_color_name(color) or _COLOR.fullmatch(color):
            continue
        yield FieldFault(f"{path}.{name}", color_fault(color, "#FFD43B"))
    if captions.preset is None and not is_branded:
        for name in (name for name in PRESET_CHANGES if getattr(captions, name)):
            yield FieldFault(f"{path}.{name}", "changes a preset; set preset too, or omit it")


def clip_faults(shot: Shot, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with how a shot's clip is played; `path` is the path of the shot's `clip`."""
    clip = shot.clip
    if clip is None:
        return
    if isinstance(declared_source(shot), StillSource):
        yield FieldFault(path, "is for a clip; give clip_uri instead of image_uri, or omit it")
    if not _NOTHING <= clip.start <= LONGEST_CLIP:
        yield FieldFault(f"{path}.start", f"must be 0 s to {LONGEST_CLIP.total_seconds():,g} s")
    for name, span in (("length", clip.length), ("freeze_at", clip.freeze_at)):
        if span is not None and not _NOTHING < span <= LONGEST_CLIP:
            yield FieldFault(f"{path}.{name}", f"must be more than 0 s, at most {LONGEST_CLIP.total_seconds():,g} s")
    yield from _range(clip.speed, f"{path}.speed", MIN_SPEED, MAX_SPEED)
    yield from _range(clip.volume, f"{path}.volume", 0, 2)
    for name, fade in (("fade_in", clip.fade_in), ("fade_out", clip.fade_out)):
        if not _NOTHING <= fade <= LONGEST_FADE:
            yield FieldFault(f"{path}.{name}", f"must be 0 s to {LONGEST_FADE.total_seconds():g} s")
    if clip.crop:
        yield from _view(clip.crop, f"{path}.crop")


def sound_faults(sound: SoundClip, path: str) -> Iterator[FieldFault]:
    """Yield what is wrong with a sound but for its URI; `path` is its path in the request."""
    for name, time in (("start", sound.start), ("offset", sound.offset)):
        if time is not None and not _NOTHING <= time <= LONGEST_CLIP:
            yield FieldFault(f"{path}.{name}", f"must be 0 s to {LONGEST_CLIP.total_seconds():,g} s")
    if sound.duration is not None and not _NOTHING < sound.duration <= LONGEST_CLIP:
        yield FieldFault(f"{path}.duration", f"must be more than 0 s, at most {LONGEST_CLIP.total_seconds():,g} s")
    yield from _range(sound.volume, f"{path}.volume", 0, 2)
    for name, fade in (("fade_in", sound.fade_in), ("fade_out", sound.fade_out)):
        if not _NOTHING <= fade <= LONGEST_FADE:
            yield FieldFault(f"{path}.{name}", f"must be 0 s to {LONGEST_FADE.total_seconds():g} s")


def _range(value: float, path: str, least: float, most: float) -> Iterator[FieldFault]:
    if not least <= value <= most:
        yield FieldFault(path, f"must be {least:g} to {most:g}")
