"""The painter's canvas: linear-light pixels, perceptual gradients, antialiased shapes, glow, water and film finish."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from noise import cloud_noise
from PIL import Image

WIDTH, HEIGHT = 2560, 1440
JPEG_QUALITY = 88

Pixels = npt.NDArray[Any]
Point = tuple[float, float]
Fill = str | tuple[str, str]

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB → LMS → OKLab.
_TO_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)


def linear(colour: str) -> Pixels:
    """Return the linear-light RGB of `#rrggbb`, shape (3,), 0–1."""
    code = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def gradient(stops: Sequence[tuple[float, str]], at: Pixels) -> Pixels:
    """Blend colours in OKLab, so that no grey or dark seam appears between hues.

    Args:
        stops: Places (rising, any unit) and their colours.
        at: Where to evaluate, in the same unit, any shape.

    Returns:
        Linear-light RGB of shape `at.shape + (3,)`. The corners at the stops are rounded off.
    """
    places = np.array([place for place, _ in stops])
    lab = np.cbrt(np.stack([linear(colour) for _, colour in stops]) @ _TO_LMS.T) @ _TO_LAB.T
    fine = np.linspace(places[0], places[-1], 1024)
    table = np.stack([np.interp(fine, places, lab[:, axis]) for axis in range(3)], axis=1).astype(np.float32)
    table = cv2.GaussianBlur(table, (1, 0), sigmaX=0.01, sigmaY=28, borderType=cv2.BORDER_REPLICATE)
    rgb = np.maximum(((table @ _FROM_LAB.T) ** 3) @ _FROM_LMS.T, 0)
    return np.stack([np.interp(at, fine, rgb[:, axis]) for axis in range(3)], axis=-1).astype(np.float32)


def smoothstep(low: float, high: float, value: Pixels) -> Pixels:
    """Return 0 below `low`, 1 above `high`, and a smooth rise between (also falling, where low > high)."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


class Canvas:
    """A picture of WIDTH × HEIGHT in linear light; lengths are pixels from the top left.

    `light` has the shape (HEIGHT, WIDTH, 3). While a group is open, all shapes also collect their cover in it.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.light: Pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        self.rows: Pixels = np.arange(HEIGHT, dtype=np.float32)[:, None]
        self.columns: Pixels = np.arange(WIDTH, dtype=np.float32)[None, :]
        self._group: Pixels | None = None

    def sky(self, stops: Sequence[tuple[float, str]]) -> None:
        """Fill the canvas with a vertical gradient; the stops are rows."""
        self.light[:] = gradient(stops, self.rows[:, 0])[:, None, :]

    def cover(self, mask: Pixels, colour: Pixels | str, top: int = 0, left: int = 0) -> None:
        """Lay a colour over the canvas.

        Args:
            mask: Cover 0–1 of a rectangle, shape (h, w).
            colour: One colour, or linear RGB that broadcasts to (h, w, 3).
            top: First row of the rectangle.
            left: First column of the rectangle.
        """
        paint = linear(colour) if isinstance(colour, str) else colour
        rows, columns = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
        part = self.light[rows, columns]
        part += (paint - part) * mask[..., None]
        if self._group is not None:
            group = self._group[rows, columns]
            np.maximum(group, mask, out=group)

    def shape(self, outlines: Sequence[Sequence[Point]], fill: Fill, alpha: float = 1.0) -> None:
        """Fill polygons as one antialiased shape; two colours make a gradient from its top to its bottom."""
        points = [np.array(outline, np.float64) for outline in outlines]
        every = np.concatenate(points)
        left, top = np.maximum(np.floor(every.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(every.max(axis=0)).astype(int) + 2, (WIDTH, HEIGHT))
        if right <= left or bottom <= top:
            return
        fine = 4 if (right - left) * (bottom - top) < 500_000 else 2
        stencil = np.zeros(((bottom - top) * fine, (right - left) * fine), np.uint8)
        for outline in points:
            placed = np.round((outline - (left, top)) * fine * 16).astype(np.int32)
            cv2.fillPoly(stencil, [placed], 255, cv2.LINE_AA, 4)
        mask = cv2.resize(stencil, (right - left, bottom - top), interpolation=cv2.INTER_AREA).astype(np.float32)
        mask *= alpha / 255
        if isinstance(fill, str):
            self.cover(mask, linear(fill), top, left)
        else:
            run = np.linspace(0, 1, bottom - top, dtype=np.float32)
            self.cover(mask, gradient([(0, fill[0]), (1, fill[1])], run)[:, None, :], top, left)

    def disc(self, x: float, y: float, radius: float, fill: Fill, *, alpha: float = 1.0, flat: float = 1.0) -> None:
        """Fill a circle, or an ellipse whose height is `flat` times its width."""
        turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        self.shape([list(zip(x + radius * np.cos(turn), y + radius * flat * np.sin(turn), strict=True))], fill, alpha)

    def stroke(self, path: Sequence[Point], width: float, fill: Fill, alpha: float = 1.0) -> None:
        """Draw a line of a width in pixels along a path."""
        quads = []
        for (x0, y0), (x1, y1) in pairwise(path):
            length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
            dx, dy = -(y1 - y0) / length * width / 2, (x1 - x0) / length * width / 2
            quads.append([(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)])
        self.shape(quads, fill, alpha)

    def below(self, heights: Pixels) -> Pixels:
        """Return the antialiased mask of everything under a skyline given as one row per column."""
        steep = np.sqrt(1 + np.gradient(heights) ** 2)
        return np.clip((self.rows - heights) / steep + 0.5, 0, 1).astype(np.float32)

    def glow(self, x: float, y: float, radius: float, colour: str, strength: float, *, power: float = 2.0) -> None:
        """Add light that falls off from a point: half of it is left at `radius`, steeper with a higher power."""
        distance = np.sqrt((self.columns - x) ** 2 + (self.rows - y) ** 2) / radius
        falloff = strength / (1 + distance**power)
        self.light += falloff[..., None].astype(np.float32) * linear(colour)

    def haze(self, row: float, spread: float, colour: str, strength: float, ragged: float = 0.0) -> None:
        """Lay a bank of mist over the rows around `row`; `ragged` 0–1 tears it into wisps."""
        bank = strength * np.exp(-(((self.rows - row) / spread) ** 2)) * np.ones_like(self.columns)
        if ragged:
            wisps = cloud_noise(self.random, HEIGHT, WIDTH, (5, 3), 4)
            bank *= 1 - ragged + ragged * smoothstep(0.25, 0.75, wisps)
        self.cover(bank.astype(np.float32), colour)

    def open_group(self) -> None:
        """Start to collect the cover of the shapes that follow."""
        self._group = np.zeros((HEIGHT, WIDTH), np.float32)

    def close_group(self) -> Pixels:
        """Return the cover collected since `open_group`, shape (HEIGHT, WIDTH)."""
        assert self._group is not None
        group, self._group = self._group, None
        return group

    def mirror(self, group: Pixels, waterline: float, strength: float, dark: str, *, wobble: float = 5.0) -> None:
        """Reflect a group that floats in front of the painted water.

        Args:
            group: Cover of what is mirrored.
            waterline: Row it is mirrored at.
            strength: Cover of the image right under the waterline, 0–1; it fades downwards.
            dark: Colour of the water, which takes half of the image.
            wobble: Largest sideways displacement by ripples, pixels.
        """
        first = int(np.ceil(waterline))
        reach = self.rows[first:] - waterline
        ripple = np.sin(reach * 0.42 + np.sin(reach * 0.11) * 3) * wobble * np.minimum(reach / 40, 1.6)
        source_x = np.broadcast_to(self.columns + ripple, (HEIGHT - first, WIDTH)).astype(np.float32)
        source_y = np.broadcast_to(waterline - reach / 0.82, source_x.shape).astype(np.float32)
        image = cv2.remap(self.light, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.remap(group, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        height = max(waterline - float(np.argmax(group.any(axis=1))), 1.0)
        fade = np.clip(1 - reach / (height * 0.8), 0, 1) ** 1.2 * strength
        self.cover((cover * fade).astype(np.float32), image * 0.55 + linear(dark) * 0.45, first)

    def water(self, horizon: int, deep: str, *, clear: float = 0.75, chop: float = 1.0) -> None:
        """Fill everything under the horizon with water that mirrors what is painted above it.

        Args:
            horizon: First row of the water.
            deep: Its own colour, which shows more the nearer the viewer is.
            clear: Share of the mirrored light at the horizon, 0–1.
            chop: Height of the ripples, 1 for a light breeze.
        """
        depth = self.rows[horizon:] - horizon + 1.0
        swell = cloud_noise(self.random, 1024, 1024, (32, 32), 3, wrap=True) - 0.5
        across = ((self.columns - WIDTH / 2) * (170 / (depth + 60)) + 5000).astype(np.float32)
        away = np.broadcast_to(240_000 / (depth + 90), across.shape).astype(np.float32)
        ripple = cv2.remap(swell, across % 1024, away % 1024, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        ripple *= (chop * 260 * depth / (depth + 500)).astype(np.float32)
        source_x = np.broadcast_to(self.columns, ripple.shape) + ripple * 0.35
        source_y = np.clip(horizon - 1 - depth * 0.92 + ripple, 0, horizon - 1)
        soft = cv2.GaussianBlur(self.light[:horizon], (0, 0), sigmaX=5, sigmaY=2)
        image = cv2.remap(
            soft, source_x.astype(np.float32), source_y.astype(np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )  # fmt: skip
        share = clear * (1 - 0.74 * smoothstep(0, HEIGHT - horizon, depth))
        self.light[horizon:] = image * share[..., None] + linear(deep) * (1 - share[..., None])

    def glitter(self, x: float, horizon: int, bottom: float, colour: str, *, count: int, width: float) -> None:
        """Scatter dashes of light on the water under a sun or moon at column `x`; they widen towards the viewer."""
        share = self.random.beta(0.9, 1.9, count)
        for part in np.sort(share):
            y = horizon + 3 + part * (bottom - horizon)
            reach = width * (0.25 + part)
            centre = x + self.random.normal(0, reach * 0.42)
            half = (8 + 90 * part) * self.random.uniform(0.35, 1.1)
            thick = 0.8 + 5.0 * part * self.random.uniform(0.4, 1.0)
            bright = float(np.exp(-(((centre - x) / reach) ** 2)) * (1 - 0.75 * part))
            lens = [(centre - half, y), (centre, y - thick), (centre + half, y), (centre, y + thick)]
            self.shape([lens], colour, 0.85 * bright)

    def finish(self, path: Path, *, calm: float = 0.3, bloom: float = 0.5, grain: float = 0.95) -> None:
        """Develop the picture and save it as JPEG.

        Args:
            path: File to write.
            calm: How much the lowest fifth is darkened for captions, 0–1.
            bloom: Share of the highlights that spills over their surroundings.
            grain: Standard deviation of the film grain in 8-bit steps; it also hides banding.
        """
        light = self.light * (1 - calm * smoothstep(HEIGHT * 0.72, HEIGHT, self.rows))[..., None]
        corner = ((self.columns / WIDTH - 0.5) ** 2 + (self.rows / HEIGHT - 0.5) ** 2).astype(np.float32)
        light *= (1 - 0.45 * corner)[..., None]
        small = cv2.resize(np.maximum(light - 0.62, 0), (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
        halo = np.mean([cv2.GaussianBlur(small, (0, 0), sigma) for sigma in (3.0, 9.0, 27.0)], axis=0)
        light += bloom * cv2.resize(halo, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        # A soft shoulder above 0.7 instead of clipping keeps hue in suns and lamps.
        light = np.where(light > 0.7, 1 - 0.3 * np.exp(-(np.maximum(light, 0.7) - 0.7) / 0.3), np.maximum(light, 0))
        code = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(np.maximum(light, 1e-6), 1 / 2.4) - 0.055)
        film = cv2.GaussianBlur(self.random.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 0.7)
        film *= grain / float(film.std())
        pixels = code * 255 + film[..., None] + self.random.uniform(-0.5, 0.5, code.shape).astype(np.float32)
        ready = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
        Image.fromarray(ready).save(path, quality=JPEG_QUALITY, optimize=True, progressive=True, subsampling=1)
