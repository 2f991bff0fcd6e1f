"""Clips in layers: where they are drawn, which of their frames, and when they are heard."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.layers import drawn_layers, seen_layers
from render_service.compositor.sound.planning import plan_sound
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Animation, AnimationKind, Box, ClipLayer, Layer, Shadow, Stroke
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Transition, TransitionKind
from render_service.domain.projects.timeline import plan_timeline
from tests.integration.compositor.oracle import ffmpeg
from tests.unit.compositor.layers.scenes import backdrop, drawn, to_rgb

SIZE = (192, 108)
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of red that becomes brighter, then two of blue; 64 × 32."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    red, blue = (f"color=c={color}:s=64x32:r=30:d=1" for color in ("red", "blue"))
    ffmpeg("-f", "lavfi", "-i", red, "-f", "lavfi", "-i", blue, "-filter_complex", "[0][1]concat", path)
    return path


def layer(**fields: object) -> Layer:
    box = fields.pop("box", Box(0.5, 0.5, width=0.5))
    return Layer("pip", clip=ClipLayer("given"), box=box, **fields)  # type: ignore[arg-type]


def test_a_clip_plays_in_its_box_in_its_own_shape(clip: Path) -> None:
    before = backdrop(*SIZE)
    first, second = (drawn((layer(),), frame=number, files={0: clip}) for number in (0, 40))
    assert to_rgb(first)[54, 96].argmax() == 0
    assert to_rgb(second)[54, 96].argmax() == 2
    rows, columns = np.nonzero(np.abs(second.y.astype(int) - before.y) > 3)
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (48, 144, 30, 78)


def test_a_frame_of_a_clip_is_the_same_in_any_segment(clip: Path) -> None:
    moving = layer(
        box=Box(0.5, 0.5, width=0.5, corner_radius=0.1), start=SECOND / 3, shadow=Shadow(), enter=Animation()
    )
    layers = drawn_layers((moving,), 90, 30, {"layers[0].clip.uri": "x"}, "")
    assets = {"x": Asset(clip, "layers[0].clip.uri")}
    whole = LayersPainter(layers, SIZE, 30, assets)
    expected = []
    for number in range(60):
        frame = backdrop(*SIZE)
        whole.draw(number, frame)
        expected.append(frame)
    for first in (12, 35):
        part = LayersPainter(seen_layers(layers, first, 20, 30), SIZE, 30, assets)
        for number in range(20):
            frame = backdrop(*SIZE)
            part.draw(number, frame)
            assert (frame.y == expected[first + number].y).all()
            assert (frame.u == expected[first + number].u).all()
        part.close()
    whole.close()


def test_a_clip_has_round_corners_a_stroke_and_a_shadow(clip: Path) -> None:
    box = Box(0.5, 0.5, width=0.5, height=0.6, corner_radius=0.2)
    white = Planes.empty(*SIZE)
    white.fill((235, 128, 128))
    rgb = to_rgb(
        drawn((layer(box=box, stroke=Stroke("#00FF00", 0.05), shadow=Shadow(blur=0.1)),), under=white, files={0: clip})
    )
    assert rgb[54, 96].argmax() == 0
    assert rgb[54, 48].argmax() == 1
    assert rgb[23, 50].min() > 120
    assert 100 < rgb[93, 96].max() < 250


def test_a_clip_that_becomes_sharp_is_soft_beyond_its_edges(clip: Path) -> None:
    under = backdrop(*SIZE)
    blur = Animation(AnimationKind.BLUR, duration=SECOND)
    changed = np.abs(drawn((layer(enter=blur),), frame=6, files={0: clip}).u.astype(int) - under.u)
    # Its box covers columns 24 to 71 of the chroma.
    across = changed[27]
    assert across[22] > 0
    assert across[23] > 1
    assert across[24] < 0.9 * across[26]


def test_a_turned_clip_is_turned(clip: Path) -> None:
    rgb = to_rgb(drawn((layer(box=Box(0.5, 0.5, width=0.4, rotation=90)),), files={0: clip}))
    under = to_rgb(backdrop(*SIZE))
    assert rgb[25, 96].argmax() == 0
    assert (rgb[54, 62] == under[54, 62]).all()


def test_the_sound_of_a_clip_is_heard_while_its_layer_is_seen() -> None:
    cut = Transition(TransitionKind.CUT)
    over = Layer("over", clip=ClipLayer("b"), start=3 * SECOND)
    quiet = Layer("quiet", clip=ClipLayer("c", sound=False))
    own = Layer("own", clip=ClipLayer("a"), start=SECOND, duration=SECOND, enter=Animation(duration=SECOND / 2))
    shots = (Shot("s0", duration=2 * SECOND), Shot("s1", duration=4 * SECOND, transition=cut, layers=(quiet, own)))
    project = Project(shots=shots, layers=(over,))
    files = {"layers[0].clip.uri": "qq", "layers[1].clip.uri": "aa"}
    hashes = MediaHashes({"s1": ShotHashes(layers=files)}, layers={"layers[0].clip.uri": "bb"})
    spec = RenderSpec(project, OutputSpec(320, 180, 30, Quality.STANDARD))
    sound = plan_sound(plan_timeline(project, 30, {}), spec, hashes)
    heard = [(track.sound, track.start / 48_000, track.end / 48_000, track.fade_in) for track in sound.clips]
    assert heard == [("aa", 3, 4, 24_000), ("bb", 3, 6, 480)]
