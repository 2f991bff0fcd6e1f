"""How a group moves the layers in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from render_service.compositor.layers.poses import Pose, keyed_pose, part_pose, progress_of
from render_service.compositor.layers.shapes import shape_area
from render_service.compositor.layers.sprites import Matrix, placing
from render_service.compositor.segments.layers import DrawnLayer, LayerSpan


@dataclass(frozen=True, slots=True, eq=False)
class GroupPlace:
    """Where a group moves the places of a frame (3 × 3 matrix), and how visible it leaves its layers, 0–1."""

    place: Matrix
    opacity: float


Camera = Callable[[int, float], Matrix]
"""Returns where a layer is moved that follows a share of a movement, in a frame counted from the stretch's first."""


def place_in(
    drawn: DrawnLayer, number: int, frame: tuple[int, int], fps: int, camera: Camera | None
) -> GroupPlace | None:
    """Return what the group of a layer and the camera below it do to it in a frame; None where they do nothing."""
    moved = None if drawn.group is None else group_place(drawn.group, number, frame, fps)
    if camera is None or not drawn.layer.parallax:
        return moved
    carried = camera(number, drawn.layer.parallax)
    return GroupPlace(carried, 1.0) if moved is None else GroupPlace(carried @ moved.place, moved.opacity)


def group_place(group: LayerSpan, number: int, frame: tuple[int, int], fps: int) -> GroupPlace | None:
    """Return what a group does to its layers in a frame; None where it does nothing.

    Args:
        group: The group.
        number: The frame, counted from the first of the stretch.
        frame: Width and height of the frame in pixels.
        fps: Frames per second.
    """
    layer, area = group.layer, shape_area(group.layer.box, frame)
    anchor = layer.box.anchor
    point = (area.x + anchor.across * area.width, area.y + anchor.down * area.height)
    pose = Pose(rotation=layer.box.rotation, opacity=layer.opacity)
    if layer.keyframes:
        pose = keyed_pose(layer, (number - group.start) / fps, frame, point)
    running = progress_of(group, number)
    if running is None:
        return None if pose == Pose() else GroupPlace(placing(pose, area.middle), pose.opacity)
    animation, progress, goes = running
    edges = (
        *(math.floor(area.x), math.floor(area.y)),
        *(math.ceil(area.x + area.width), math.ceil(area.y + area.height)),
    )
    own = part_pose(animation, progress, (0, 1), edges, frame, goes=goes)
    if own is None:
        return GroupPlace(placing(pose, area.middle), 0.0)
    place = placing(pose, area.middle) @ placing(own, area.middle)
    return GroupPlace(place, pose.opacity * own.opacity)
