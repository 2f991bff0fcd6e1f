"""Drawing helpers for nature: mountains, pines, clouds, birds, stars and the aurora."""

from collections.abc import Sequence

import cv2
import numpy as np
from canvas import HEIGHT, WIDTH, Canvas, Pixels, Point, gradient, linear, smoothstep
from noise import cloud_noise


def mountains(
    canvas: Canvas,
    heights: Pixels,
    lit: str,
    shade: str,
    foot: str,
    *,
    sun: float,
    reach: float,
    snow: float = 0.0,
    drifts: tuple[str, str] = ("#fffaf0", "#8fb0cf"),
    contrast: float = 1.0,
) -> None:
    """Paint a range whose flanks face the light or turn away from it, and which sinks into haze.

    Args:
        canvas: Where to paint.
        heights: Row of the crest per column.
        lit: Colour of flanks in the light.
        shade: Colour of flanks turned away.
        foot: Colour of the haze at its foot.
        sun: 1 where the light comes from the right, -1 from the left.
        reach: Pixels below the highest summit at which only haze is left.
        snow: Pixels of snow under the highest summit.
        drifts: Colours of snow in the light and turned away from it.
        contrast: How much of the difference between lit and shade is shown, 0–1.
    """
    slopes = []
    for sigma in (5.0, 16.0, 45.0, 110.0):
        slope = np.gradient(cv2.GaussianBlur(heights[None, :], (0, 0), sigma)[0])
        slopes.append(slope / (np.abs(slope).mean() + 1e-6))
    levels = np.stack(slopes).astype(np.float32)
    deep = np.maximum(canvas.rows - heights, 0).astype(np.float32)
    wander = cloud_noise(canvas.random, HEIGHT, WIDTH, (12, 20), 4) - 0.5
    where = np.clip(canvas.columns + wander * np.minimum(deep * 1.1, 190), 0, WIDTH - 1).astype(np.float32)
    level = np.clip(np.log2(deep / 22 + 1) * 0.7, 0, 3).astype(np.float32)
    facing = cv2.remap(levels, where, level, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * sun
    light = (smoothstep(-0.12, 0.22, facing) * contrast)[..., None]
    colour = linear(shade) * (1 - light) + linear(lit) * light
    if snow:
        # Tongues of snow run down the gullies: fine noise across, little change downwards.
        gullies = cloud_noise(canvas.random, HEIGHT, WIDTH, (8, 96), 3)
        line = snow * (0.35 + 1.3 * gullies) * (0.75 + 0.5 * light[..., 0])
        cap = smoothstep(3, -3, canvas.rows - float(heights.min()) - line)[..., None]
        white = linear(drifts[1]) * (1 - light) + linear(drifts[0]) * light
        colour += (white - colour) * cap
    sink = smoothstep(0.0, 1.0, (canvas.rows - float(heights.min())) / reach) ** 1.2
    colour += (linear(foot) - colour) * np.broadcast_to(sink, deep.shape)[..., None]
    canvas.cover(canvas.below(heights), colour)


def _pine(random: np.random.Generator, x: float, ground: float, height: float) -> list[Point]:
    tiers = max(6, int(height / 16))
    half = height * random.uniform(0.17, 0.23)
    left: list[Point] = []
    right: list[Point] = []
    for tier in range(tiers):
        share = (tier + 1) / tiers
        y = ground - height * (1 - share * 0.93)
        for side, sign in ((left, -1), (right, 1)):
            span = half * share**0.85 * random.uniform(0.75, 1.12)
            side.append((x + sign * span, y + height * 0.022))
            side.append((x + sign * span * 0.42, y - height * 0.008))
    trunk = height * 0.014
    return [(x, ground - height), *right, (x + trunk, ground - height * 0.05), (x + trunk, ground + 8),
            (x - trunk, ground + 8), (x - trunk, ground - height * 0.05), *reversed(left)]  # fmt: skip


def pines(canvas: Canvas, stand: Sequence[tuple[float, float, float]], fill: str | tuple[str, str]) -> None:
    """Paint pines as one silhouette; each is (column, row of its foot, height)."""
    canvas.shape([_pine(canvas.random, *tree) for tree in stand], fill)


def forest(
    canvas: Canvas, heights: Pixels, fill: str, *, every: float, tall: tuple[float, float], span: tuple[int, int]
) -> None:
    """Paint a row of pines along a ground line between two columns, with gaps of about `every` pixels."""
    stand = []
    x = float(span[0])
    while x < span[1]:
        ground = float(heights[int(np.clip(x, 0, WIDTH - 1))]) + canvas.random.uniform(4, 14)
        stand.append((x, ground, canvas.random.uniform(*tall)))
        x += every * canvas.random.uniform(0.45, 1.5)
    pines(canvas, stand, fill)


def cumulus(canvas: Canvas, x: float, base: float, width: float, *, light: str, shade: str, sun: float = -1) -> None:
    """Paint a fair-weather cloud over a soft flat base: three stacks of discs, the brightest towards the sun."""
    random = canvas.random
    puffs = []
    for place in np.linspace(-1, 1, 13):
        radius = width * (0.1 * (1 - abs(place) ** 1.4) + 0.035) * random.uniform(0.8, 1.25)
        puffs.append((x + place * width / 2, base - radius * random.uniform(0.3, 0.7), radius))
    for place in random.normal(-0.06 * sun, 0.15, 15):
        radius = width * random.uniform(0.05, 0.105)
        tall = max(0.27 - 0.8 * abs(place + 0.06 * sun), 0.06)
        puffs.append((x + place * width, base - width * tall * random.uniform(0.45, 1), radius))
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    torn = (cloud_noise(random, HEIGHT, WIDTH, (36, 64), 3) - 0.5) * 16
    for step, strength in enumerate((1.0, 0.6, 0.75)):
        stencil = np.zeros((HEIGHT, WIDTH), np.uint8)
        for px, py, radius in puffs:
            size = radius * (1 - 0.2 * step)
            centre = (px + sun * radius * 0.26 * step, py - radius * 0.2 * step)
            ring = np.stack([centre[0] + size * np.cos(turn), centre[1] + size * np.sin(turn)], axis=1)
            cv2.fillPoly(stencil, [np.round(ring * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        mask = stencil.astype(np.float32) / 255
        where_x = np.broadcast_to(canvas.columns, mask.shape) + torn
        where_y = np.broadcast_to(canvas.rows, mask.shape) + torn * 0.6
        mask = cv2.remap(mask, where_x.astype(np.float32), where_y.astype(np.float32), cv2.INTER_LINEAR)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.0 + 2.5 * step)
        lift = width * 0.085 * step
        mask *= smoothstep(base + width * 0.02 - lift, base - width * 0.1 - lift * 1.4, canvas.rows) * strength
        if step:
            canvas.cover(mask, light)
        else:
            share = smoothstep(base - width * 0.3, base - width * 0.05, canvas.rows)[..., None]
            canvas.cover(mask, linear(light) * 0.72 * (1 - share) + linear(shade) * share)


def streaks(canvas: Canvas, top: int, bottom: int, colour: str, *, strength: float, cells: tuple[int, int]) -> None:
    """Draw out thin clouds between two rows; `cells` sets how long and thin they are (down, across)."""
    veil = cloud_noise(canvas.random, HEIGHT, WIDTH, cells, 5)
    inside = smoothstep(top - 60, top + 90, canvas.rows) * smoothstep(bottom + 60, bottom - 90, canvas.rows)
    canvas.cover(smoothstep(0.53, 0.82, veil) * inside * strength, colour)


def gulls(canvas: Canvas, birds: Sequence[tuple[float, float, float]], fill: str, alpha: float = 1.0) -> None:
    """Paint gulls on the wing; each is (column, row, span in pixels)."""
    share = np.linspace(0, 1, 16)
    for x, y, span in birds:
        tilt = canvas.random.uniform(-0.25, 0.25)
        lift = canvas.random.uniform(0.2, 0.36)
        # One wing from body to tip: it rises, arches and drops, and is thickest near the body.
        arch = -lift * np.sin(share**0.75 * np.pi * 0.86) + 0.02
        thick = 0.075 * (1 - share) ** 0.8
        wing = list(zip(share * 0.5, arch - thick * 0.45, strict=True))
        under = list(zip(share * 0.5, arch + thick * 0.55, strict=True))
        outline = [*((-u, v) for u, v in reversed(wing)), *wing, *reversed(under), *((-u, v) for u, v in under)]
        turned = [
            (x + span * (u * np.cos(tilt) - v * np.sin(tilt)), y + span * (u * np.sin(tilt) + v * np.cos(tilt)))
            for u, v in outline
        ]
        canvas.shape([turned], fill, alpha)


def stars(canvas: Canvas, bottom: float, count: int, strength: float = 1.0) -> None:
    """Add stars above a row, fainter towards it: many small ones and a few bright ones with a halo."""
    field = np.zeros((HEIGHT, WIDTH), np.float32)
    x = canvas.random.integers(2, WIDTH - 2, count)
    y = (canvas.random.beta(1, 1.5, count) * bottom).astype(int)
    np.add.at(field, (y, x), canvas.random.pareto(2.1, count).clip(0, 8).astype(np.float32))
    fade = smoothstep(bottom, bottom * 0.45, canvas.rows)
    sharp = cv2.GaussianBlur(field, (0, 0), 1.05) * 2.6
    halo = cv2.GaussianBlur(np.maximum(field - 4, 0), (0, 0), 7.0) * 9
    shine = np.minimum(sharp + halo, 1.4) * fade * strength
    canvas.light += shine[..., None] * linear("#e6eeff")


def aurora(
    canvas: Canvas, path: Sequence[Point], height: float, strength: float, colours: tuple[str, str, str]
) -> None:
    """Hang a curtain of northern light.

    Args:
        canvas: Where to add light.
        path: Points that the lower edge runs through; it may fold back over itself.
        height: How far the rays rise, pixels.
        strength: Brightness.
        colours: Of the lower edge, the middle and the upper end.
    """
    steps = 7000
    knots = np.array(path)
    share = np.linspace(0, 1, steps)
    line = np.stack([np.interp(share, np.linspace(0, 1, len(knots)), knots[:, axis]) for axis in range(2)], axis=1)
    for _ in range(2):
        line = cv2.blur(line, (1, 801), borderType=cv2.BORDER_REPLICATE)
    folds = [np.interp(share * n, np.arange(n + 2), canvas.random.uniform(0.25, 1, n + 2)) for n in (9, 60, 240)]
    rays = np.mean(folds, axis=0)
    ends = smoothstep(0, 0.12, share.astype(np.float32)) * smoothstep(1, 0.88, share.astype(np.float32))
    pace = np.abs(np.gradient(line[:, 0]))
    weights = rays**1.6 * ends * (pace / pace.mean() + 0.12)
    run = np.linspace(0, 1, 64, dtype=np.float32)
    tint = gradient([(0, colours[0]), (0.45, colours[1]), (1, colours[2])], run)
    up = np.arange(-40, int(height * 1.6), dtype=np.float32)
    veil = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for (x, y), ray, weight in zip(line, rays, weights, strict=True):
        if not 0 <= x < WIDTH:
            continue
        tall = height * (0.45 + 0.9 * float(ray))
        profile = smoothstep(-34, 30, up) * np.exp(-np.maximum(up, 0) / tall * 2.2) * float(weight)
        rows = (y - up).astype(int)
        inside = (rows >= 0) & (rows < HEIGHT)
        place = np.clip(up / tall * 40, 0, 63).astype(int)
        veil[rows[inside], int(x)] += profile[inside, None] * tint[place[inside]]
    veil = cv2.GaussianBlur(veil, (0, 0), sigmaX=11, sigmaY=6)
    canvas.light += veil * (strength * WIDTH / steps * 1.6)
