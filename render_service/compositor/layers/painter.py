"""Draws layers onto frames: each is drawn once and blended into its own rectangle."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from render_service.compositor.frames.overlay import Overlay, overlay_from_rgba
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.blending import blend_drawing
from render_service.compositor.layers.boxes import Area, box_size
from render_service.compositor.layers.clips import ClipPicture
from render_service.compositor.layers.filters import filtered
from render_service.compositor.layers.groups import Camera, GroupPlace, place_in
from render_service.compositor.layers.masks import masked
from render_service.compositor.layers.overlays import CaptionPainter, MarkPainter
from render_service.compositor.layers.pixels import Drawing, with_shadow
from render_service.compositor.layers.poses import (
    STILL,
    Pose,
    keyed_pose,
    part_areas,
    part_pose,
    progress_of,
)
from render_service.compositor.layers.shapes import Loader, draw_picture, draw_shape
from render_service.compositor.layers.sprites import Matrix, Sprite, placing, posed, posed_drawing, sprite_of, uncovered
from render_service.compositor.layers.texts import TextParts, draw_text, text_space, with_fixed_size
from render_service.compositor.layers.windows import Visible, fine_frame, in_frame, turned, visible_part
from render_service.compositor.lotties.playing import PlayedLottie, kept_lottie
from render_service.compositor.luts.applying import TableFilter, kept_filter
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import image_size, load_image
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.layers import AnyDrawn, DrawnLayer
from render_service.compositor.segments.marks import DrawnMark
from render_service.domain.layers.changing import changes, content_at
from render_service.domain.layers.model import Animation, AnimationUnit, Blend, Layer

_UNMOVED = GroupPlace(np.eye(3), 1.0)


class Painter(Protocol):
    """Draws a layer, a caption or a watermark."""

    def draw(self, number: int, target: Planes, /) -> None:
        """Draw it onto a frame in which it is seen, counted from the first of the stretch."""

    def close(self) -> None:
        """Close the files that it holds open."""


class LayersPainter:
    """Draws all that lies over a stretch of frames, the last on top.

    What draws a layer is there from the first frame in which it is seen to the last: frames are drawn in order.

    Args:
        layers: Layers, captions and watermarks.
        frame: Width and height of the frames in pixels.
        fps: Frames per second.
        assets: Local files by content hash.
        camera: The movement of the picture under the layers; None if it has none.
        workdir: A folder that all segments of the render share; for watermarks.
    """

    def __init__(
        self,
        layers: Sequence[AnyDrawn],
        frame: tuple[int, int],
        fps: int,
        assets: Mapping[str, Asset],
        *,
        camera: Camera | None = None,
        workdir: Path | None = None,
    ) -> None:
        self._layers = layers
        self._frame = frame
        self._fps = fps
        self._assets = assets
        self._camera = camera
        self._workdir = workdir
        self._painters: dict[int, Painter] = {}

    def draw(self, number: int, target: Planes) -> None:
        """Draw what is seen in a frame, counted from the first of the stretch."""
        for place, layer in enumerate(self._layers):
            if layer.start <= number < layer.end:
                if place not in self._painters:
                    self._painters[place] = self._painter_of(layer)
                self._painters[place].draw(number, target)
            elif place in self._painters:
                self._painters.pop(place).close()

    def close(self) -> None:
        """Close the files of clips."""
        for painter in self._painters.values():
            painter.close()

    def _painter_of(self, drawn: AnyDrawn) -> Painter:
        if isinstance(drawn, DrawnCaption):
            return CaptionPainter(drawn, self._frame, self._fps)
        if isinstance(drawn, DrawnMark):
            assert self._workdir is not None
            return MarkPainter(drawn, self._assets, self._workdir)
        painter = _kind_of(drawn.layer)(drawn, self._frame, self._fps, self._assets)
        painter.camera = self._camera
        return painter


class _LayerPainter:
    """Draws one layer: at rest from one drawing that is kept, moving from a sprite."""

    camera: Camera | None = None
    _load: Loader | None = None

    def __init__(self, drawn: DrawnLayer, frame: tuple[int, int], fps: int, assets: Mapping[str, Asset]) -> None:
        self._drawn = drawn
        self._frame = frame
        self._fps = fps
        self._assets = assets
        self._rest = Pose(rotation=drawn.layer.box.rotation, opacity=drawn.layer.opacity)
        self._is_hidden = drawn.layer.opacity <= 0 and not any(one.opacity for one in drawn.layer.keyframes)
        # What was drawn last, and how it stood.
        self._pose: Pose | None = None
        self._shown: Overlay | Drawing | None = None
        self._moving: _Moving | None = None

    def draw(self, number: int, target: Planes) -> None:
        if self._is_hidden:
            return
        pose = self._pose_at(number)
        moved = place_in(self._drawn, number, self._frame, self._fps, self.camera)
        running = progress_of(self._drawn, number)
        if running is not None:
            self._draw_parts(running, pose, moved or _UNMOVED, target)
            return
        if moved is not None:
            sprite = self._sprite()
            place, opacity = moved.place @ placing(pose, sprite.middle), moved.opacity * pose.opacity
            self._blend(self._placed(sprite.sprite, place, opacity, 0), opacity, target)
            return
        if pose != self._pose:
            self._pose, self._shown = pose, self._at_rest() if pose == self._rest else self._posed(pose)
        self._blend(self._shown, pose.opacity, target)

    def close(self) -> None:
        """Hold no file."""

    def _pose_at(self, number: int) -> Pose:
        layer = self._drawn.layer
        if not layer.keyframes:
            return self._rest
        seconds = (number - self._drawn.start) / self._fps
        return keyed_pose(layer, seconds, self._frame, self._sprite().anchor)

    def _blend(self, shown: Overlay | Drawing | None, opacity: float, target: Planes) -> None:
        if isinstance(shown, Overlay):
            shown.blend(target.y, target.u, target.v)
        elif shown is not None:
            blend_drawing(shown, opacity, self._drawn.layer.blend, target)

    def _at_rest(self) -> Overlay | Drawing | None:
        """Draw the layer; None where nothing of it lies in the frame."""
        layer = self._drawn.layer
        drawing, area, _ = draw_layer(
            self._drawn, self._frame, self._assets, lambda area: visible_part(layer, area, self._frame), self._load
        )
        if layer.box.rotation:
            drawing = turned(drawing, area, layer.box.rotation, self._frame)
        part = in_frame(drawing, self._frame)
        if part is None or layer.blend is not Blend.NORMAL:
            return part
        return overlay_from_rgba(part.pixels * np.float32(layer.opacity), part.x, part.y)

    def _posed(self, pose: Pose) -> Overlay | Drawing | None:
        moving = self._sprite()
        return self._placed(moving.sprite, placing(pose, moving.middle), pose.opacity, 0)

    def _placed(self, sprite: Sprite, place: Matrix, opacity: float, blur: float) -> Overlay | Drawing | None:
        if self._drawn.layer.blend is Blend.NORMAL:
            return posed(sprite, place, opacity, blur, self._frame)
        return posed_drawing(sprite, place, blur, self._frame)

    def _draw_parts(
        self, running: tuple[Animation, float, bool], pose: Pose, moved: GroupPlace, target: Planes
    ) -> None:
        animation, progress, goes = running
        moving = self._sprite()
        whole = moved.place @ placing(pose, moving.middle)
        areas = moving.areas(animation.unit)
        for number, area in enumerate(areas):
            if area[0] >= area[2] or area[1] >= area[3]:
                continue
            part = moving.sprite.part(*area)
            size = (part.overlay.width / part.density, part.overlay.height / part.density)
            edges = (math.floor(part.x), math.floor(part.y), math.ceil(part.x + size[0]), math.ceil(part.y + size[1]))
            own = part_pose(animation, progress, (number, len(areas)), edges, self._frame, goes=goes)
            if own is None:
                continue
            place = whole @ placing(own, (part.x + size[0] / 2, part.y + size[1] / 2))
            opacity = moved.opacity * pose.opacity * own.opacity
            if own.shown != STILL.shown:
                left, top, right, bottom = uncovered(part, own.shown)
                if left >= right or top >= bottom:
                    continue
                part = part.part(left, top, right, bottom)
            self._blend(self._placed(part, place, opacity, own.blur), opacity, target)

    def _sprite(self) -> "_Moving":
        if self._moving is None:
            self._moving = _moving(self._drawn, self._frame, self._assets, self._load)
        return self._moving


class _ClipPainter(_LayerPainter):
    """Draws a clip: another picture in every frame."""

    _clip: ClipPicture | None = None

    def draw(self, number: int, target: Planes) -> None:
        if self._is_hidden:
            return
        if self._clip is None:
            asset = self._assets[self._drawn.file]
            mask = self._drawn.layer.mask
            picture = self._assets.get(mask.picture_uri) if mask else None
            self._clip = ClipPicture(
                self._drawn.layer,
                asset,
                self._frame,
                self._fps,
                mask=picture,
                table=_table_of(self._drawn.layer, self._assets),
            )
        clip = self._clip
        sprite = Sprite(clip.overlay(number - self._drawn.start), None, clip.x, clip.y, 1.0)
        anchor = self._drawn.layer.box.anchor
        area = clip.area
        place = (area.x + anchor.across * area.width, area.y + anchor.down * area.height)
        self._moving, self._pose = _Moving(sprite, None, area.middle, place), None
        super().draw(number, target)

    def close(self) -> None:
        if self._clip is not None:
            self._clip.close()

    def _at_rest(self) -> Overlay | Drawing | None:
        sprite = self._sprite().sprite
        x, y, overlay = round(sprite.x), round(sprite.y), sprite.overlay
        is_inside = x >= 0 <= y and x + overlay.width <= self._frame[0] and y + overlay.height <= self._frame[1]
        if is_inside and self._rest.rotation == 0 and self._rest.opacity == 1:
            return replace(overlay, x=x, y=y)
        return self._posed(self._rest)


class _ChangingPainter(_LayerPainter):
    """Draws a layer whose content changes with time, such as a counter: a drawing is kept until the content differs."""

    def __init__(self, drawn: DrawnLayer, frame: tuple[int, int], fps: int, assets: Mapping[str, Asset]) -> None:
        super().__init__(drawn, frame, fps, assets)
        self._whole = drawn
        if drawn.layer.text and drawn.layer.text.counter:
            self._whole = replace(
                drawn, layer=with_fixed_size(drawn.layer, drawn.layer.text.counter, frame, drawn.language)
            )

    def draw(self, number: int, target: Planes) -> None:
        whole = self._whole
        now = content_at(whole.layer, (number - whole.start) / self._fps, whole.language)
        if now != self._drawn.layer:
            self._drawn = replace(whole, layer=now)
            self._pose = self._moving = None
        super().draw(number, target)


class _LottiePainter(_LayerPainter):
    """Draws an animation: another picture in every frame of it."""

    _played: PlayedLottie | None = None

    def draw(self, number: int, target: Planes) -> None:
        drawn = self._drawn
        if self._is_hidden or not drawn.start <= number < drawn.end:
            return
        if self._played is None:
            assert drawn.layer.picture is not None
            assert drawn.layer.picture.lottie is not None
            self._played = PlayedLottie(self._assets[drawn.file], drawn.file, drawn.layer.picture.lottie)
            self._load = self._played.load
        if self._played.seek((number - drawn.start) / self._fps):
            self._pose = self._moving = None
        super().draw(number, target)


def _kind_of(layer: Layer) -> type[_LayerPainter]:
    if layer.is_played:
        return _ClipPainter if layer.clip else _LottiePainter
    return _ChangingPainter if changes(layer) else _LayerPainter


@dataclass(slots=True)
class _Moving:
    """What is drawn of a moving layer; `middle` of its box and `anchor` lie in the frame, in pixels."""

    sprite: Sprite
    parts: TextParts | None
    middle: tuple[float, float]
    anchor: tuple[float, float]
    _areas: dict[AnimationUnit, list[tuple[int, int, int, int]]] = field(default_factory=dict)

    def areas(self, unit: AnimationUnit) -> list[tuple[int, int, int, int]]:
        """Return the parts of an animation; see `part_areas`."""
        if unit not in self._areas:
            overlay = self.sprite.overlay
            self._areas[unit] = part_areas(self.parts, unit, overlay.width, overlay.height)
        return self._areas[unit]


def _moving(drawn: DrawnLayer, frame: tuple[int, int], assets: Mapping[str, Asset], load: Loader | None) -> _Moving:
    layer = drawn.layer
    fine, density = fine_frame(layer, _drawn_size(drawn, frame, assets), frame)
    drawing, area, parts = draw_layer(drawn, fine, assets, load=load)
    sprite = sprite_of(drawing, density, has_colours=layer.blend is not Blend.NORMAL)
    middle = (area.middle[0] / density, area.middle[1] / density)
    box = layer.box
    anchor = (
        (area.x + box.anchor.across * area.width) / density,
        (area.y + box.anchor.down * area.height) / density,
    )
    return _Moving(sprite, parts and parts.moved(0, 0, sprite.overlay.height), middle, anchor)


def _drawn_size(drawn: DrawnLayer, frame: tuple[int, int], assets: Mapping[str, Asset]) -> tuple[float, float]:
    """Return about how wide and high a layer is drawn in a frame, in pixels; a text is no larger."""
    layer = drawn.layer
    if layer.text:
        return text_space(layer.text, layer.box, frame)
    if layer.shape:
        return box_size(layer.box, 1.0, frame)
    shape = _picture_shape(drawn, assets)
    return box_size(layer.box, shape, frame)


def _picture_shape(drawn: DrawnLayer, assets: Mapping[str, Asset]) -> float:
    if drawn.layer.is_played:
        return kept_lottie(assets[drawn.file], drawn.file).shape
    width, height = image_size(assets[drawn.file])
    return width / height


def _table_of(layer: Layer, assets: Mapping[str, Asset]) -> TableFilter | None:
    lut = layer.filters.lut if layer.filters else None
    return kept_filter(assets[lut.uri], lut.uri, lut.strength) if lut else None


def draw_layer(
    drawn: DrawnLayer,
    frame: tuple[int, int],
    assets: Mapping[str, Asset],
    visible: Visible | None = None,
    load: Loader | None = None,
) -> tuple[Drawing, Area, TextParts | None]:
    """Draw a layer before its rotation, with its filters, mask and shadow.

    Args:
        drawn: The layer.
        frame: Width and height of the frame in pixels.
        assets: Local files by content hash.
        visible: Tells what of a shape or picture is drawn; None: all.
        load: Loads its picture, see `load_image`; None: from its file.

    Returns:
        The drawing, the area of its box, and the parts of a text.
    """
    layer, parts = drawn.layer, None
    if layer.text:
        drawing, area, parts = draw_text(layer.text, layer.box, layer.stroke, frame, drawn.language)
    elif layer.shape:
        drawing, area = draw_shape(layer.shape, layer.box, layer.stroke, frame, visible)
    else:
        asset = assets[drawn.file]
        drawing, area = draw_picture(
            load or (lambda size: load_image(asset, cover=size)), layer.box, layer.stroke, frame, visible
        )
    if layer.filters:
        before, drawing = drawing, filtered(drawing, layer.filters, min(frame), _table_of(layer, assets))
        parts = parts and parts.moved(before.x - drawing.x, before.y - drawing.y, drawing.height)
    if layer.mask:
        drawing = masked(drawing, layer.mask, area, frame, assets.get(layer.mask.picture_uri))
    if layer.shadow is None:
        return drawing, area, parts
    shadowed = with_shadow(drawing, layer.shadow, min(frame))
    moved = parts and parts.moved(drawing.x - shadowed.x, drawing.y - shadowed.y, shadowed.height)
    return shadowed, area, moved
