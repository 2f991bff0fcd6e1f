"""Drawing helpers for built things: boats, a lighthouse, houses, towers and lanterns."""

from collections.abc import Sequence

import cv2
import numpy as np
from canvas import HEIGHT, WIDTH, Canvas, Point, linear, smoothstep


def _curve(points: Sequence[Point], steps: int = 24) -> list[Point]:
    """Return a quadratic Bézier curve through its three control points' hull."""
    share = np.linspace(0, 1, steps)[:, None]
    first, bend, last = (np.array(point) for point in points)
    line = (1 - share) ** 2 * first + 2 * share * (1 - share) * bend + share**2 * last
    return [(float(x), float(y)) for x, y in line]


def sailboat(
    canvas: Canvas, x: float, waterline: float, size: float, *, main: tuple[str, str], jib: tuple[str, str], hull: str,
    lean: float = 0.05, facing: int = 1, stripe: str | None = None,
) -> None:  # fmt: skip
    """Paint a sloop of `size` pixels from water to masthead; `facing` 1 heads right, and `lean` tips it that way."""

    def at(u: float, v: float) -> Point:
        return x + facing * size * (u - v * lean), waterline - size * v + size * u * lean * facing * 0.3

    def sail(*outline: Point) -> list[Point]:
        return [at(u, v) for u, v in outline]

    canvas.stroke([at(0.0, 0.08), at(0.0, 1.0)], max(size * 0.011, 1.5), hull)
    leech = _curve([(0.0, 0.985), (-0.25, 0.52), (-0.36, 0.155)])
    foot = _curve([(-0.36, 0.155), (-0.18, 0.12), (-0.015, 0.16)])
    canvas.shape([sail(*leech, *foot)], main)
    # A seam line of shade along the batten pockets gives the cloth its belly.
    for high in (0.34, 0.52, 0.7):
        wide = 0.36 * ((0.985 - high) / 0.83) ** 0.86
        canvas.stroke(sail((-0.02, high), (-wide * 0.93, high - 0.02)), max(size * 0.003, 0.7), main[1], 0.5)
    luff = _curve([(0.015, 0.9), (0.2, 0.42), (0.34, 0.12)])
    clew = _curve([(0.34, 0.12), (0.14, 0.1), (0.03, 0.15)])
    inner = _curve([(0.03, 0.15), (0.06, 0.5), (0.015, 0.9)])
    canvas.shape([sail(*luff, *clew, *inner)], jib)
    sheer = _curve([(-0.34, 0.085), (0.0, 0.045), (0.42, 0.105)])
    keel = _curve([(0.42, 0.105), (0.27, -0.012), (0.1, -0.012)])
    canvas.shape([[at(u, v) for u, v in (*sheer, *keel, (-0.28, -0.012))]], hull)
    if stripe:
        band = _curve([(-0.33, 0.066), (0.0, 0.028), (0.385, 0.083)])
        canvas.stroke([at(u, v) for u, v in band], max(size * 0.009, 1.0), stripe)
    canvas.shape([[at(u, v) for u, v in ((-0.16, 0.062), (-0.14, 0.1), (0.06, 0.105), (0.12, 0.062))]], hull)


def rowing_boat(canvas: Canvas, x: float, waterline: float, size: float, fill: str) -> None:
    """Paint a fisher who stands in a slim boat of `size` pixels length and leans on a pole."""

    def at(u: float, v: float) -> Point:
        return x + size * u, waterline - size * v

    top = _curve([(-0.5, 0.115), (-0.1, 0.0), (0.5, 0.135)])
    under = _curve([(0.5, 0.135), (0.22, -0.04), (-0.1, -0.016)])
    stern = _curve([(-0.1, -0.016), (-0.38, -0.008), (-0.5, 0.115)])
    canvas.shape([[at(u, v) for u, v in (*top, *under, *stern)]], fill)
    body = [(-0.27, 0.05), (-0.275, 0.2), (-0.29, 0.285), (-0.265, 0.335), (-0.225, 0.335), (-0.19, 0.28),
            (-0.185, 0.2), (-0.18, 0.05), (-0.215, 0.05), (-0.228, 0.17), (-0.24, 0.05)]  # fmt: skip
    canvas.shape([[at(u, v) for u, v in body]], fill)
    canvas.disc(*at(-0.243, 0.372), size * 0.025, fill)
    hat = [(-0.315, 0.378), (-0.243, 0.432), (-0.171, 0.378)]
    canvas.shape([[at(u, v) for u, v in hat]], fill)
    canvas.stroke([at(-0.25, 0.31), at(-0.17, 0.225), at(-0.11, 0.262)], size * 0.024, fill)
    canvas.stroke([at(-0.28, 0.3), at(-0.2, 0.19), at(-0.125, 0.2)], size * 0.022, fill)
    canvas.stroke([at(-0.02, 0.56), at(-0.21, -0.05)], size * 0.0085, fill)
    canvas.shape([[at(u, v) for u, v in ((0.08, 0.05), (0.1, 0.105), (0.22, 0.11), (0.25, 0.06))]], fill)


def lantern(canvas: Canvas, x: float, y: float, size: float, strength: float = 1.0) -> None:
    """Hang a sky lantern of `size` pixels height in the air, with its glow."""
    canvas.glow(x, y, size * 1.05, "#ff8a2a", 0.36 * strength, power=3.0)
    half, top = size * 0.36, y - size * 0.5
    outline = [(x - half * 0.62, y + size * 0.5), *_curve([(x - half, y - size * 0.1), (x - half * 1.05, top),
               (x, top - size * 0.03)]), *_curve([(x, top - size * 0.03), (x + half * 1.05, top),
               (x + half, y - size * 0.1)]), (x + half * 0.62, y + size * 0.5)]  # fmt: skip
    canvas.shape([outline], ("#c2491d", "#ffc35e"))
    canvas.disc(x, y + size * 0.36, size * 0.19, "#fff0bd", alpha=0.85, flat=0.8)
    canvas.glow(x, y + size * 0.34, size * 0.2, "#ffc46a", 0.9 * strength, power=3.4)


def lighthouse(canvas: Canvas, x: float, ground: float, size: float, light: tuple[str, str, str]) -> Point:
    """Paint a lighthouse with red bands.

    Args:
        canvas: Where to paint.
        x: Column of its axis.
        ground: Row of its foot.
        size: Height in pixels.
        light: Colours of its white wall, its red bands and its shadow.

    Returns:
        Where its lamp is.
    """
    white, red, dark = light

    def ring(low: float, high: float) -> list[Point]:
        def half(v: float) -> float:
            return size * (0.098 - 0.042 * v)

        return [(x - half(low), ground - size * low), (x - half(high), ground - size * high),
                (x + half(high), ground - size * high), (x + half(low), ground - size * low)]  # fmt: skip

    canvas.shape([ring(-0.02, 0.76)], white)
    for low, high in ((0.1, 0.25), (0.4, 0.54), (0.68, 0.76)):
        canvas.shape([ring(low, high)], red)
    # The side away from the sun, in three soft steps as on a cylinder.
    for share, alpha in ((0.15, 0.22), (0.45, 0.32), (0.75, 0.4)):
        _, _, upper, lower = ring(-0.02, 0.76)
        edge = [(x + (lower[0] - x) * share, lower[1]), (x + (upper[0] - x) * share, upper[1])]
        canvas.shape([[*edge, upper, lower]], dark, alpha)
    for high in (0.17, 0.33, 0.61):
        canvas.shape([[(x - size * 0.012, ground - size * high), (x - size * 0.012, ground - size * (high + 0.03)),
                       (x, ground - size * (high + 0.042)), (x + size * 0.012, ground - size * (high + 0.03)),
                       (x + size * 0.012, ground - size * high)]], dark)  # fmt: skip
    gallery = ground - size * 0.76
    canvas.shape([[(x - size * 0.088, gallery), (x - size * 0.078, gallery - size * 0.022),
                   (x + size * 0.078, gallery - size * 0.022), (x + size * 0.088, gallery)]], dark)  # fmt: skip
    for place in np.linspace(-0.082, 0.082, 9):
        post = x + size * float(place)
        canvas.stroke([(post, gallery - size * 0.02), (post, gallery - size * 0.065)], size * 0.0035, dark)
    rail = gallery - size * 0.065
    canvas.stroke([(x - size * 0.084, rail), (x + size * 0.084, rail)], size * 0.0045, dark)
    lamp = (x, ground - size * 0.845)
    canvas.shape([[(x - size * 0.045, gallery - size * 0.02), (x - size * 0.045, gallery - size * 0.145),
                   (x + size * 0.045, gallery - size * 0.145), (x + size * 0.045, gallery - size * 0.02)]],
                 ("#fff3c4", "#ffd98a"))  # fmt: skip
    for place in (-0.045, -0.016, 0.016, 0.045):
        canvas.stroke([(x + size * place, gallery - size * 0.02), (x + size * place, gallery - size * 0.145)],
                      size * 0.0065, dark)  # fmt: skip
    roof = gallery - size * 0.145
    dome = _curve([(x - size * 0.062, roof), (x, roof - size * 0.16), (x + size * 0.062, roof)])
    canvas.shape([dome], red)
    canvas.stroke([(x, roof - size * 0.06), (x, roof - size * 0.14)], size * 0.007, dark)
    canvas.disc(x, roof - size * 0.09, size * 0.012, red)
    return lamp


def beam(
    canvas: Canvas, lamp: Point, angle: float, *, length: float, spread: float, colour: str, strength: float
) -> None:
    """Add a lighthouse's beam: `angle` from the right-hand horizontal downwards, and half its `spread`, in radians."""
    dx, dy = canvas.columns - lamp[0], canvas.rows - lamp[1]
    along = dx * np.cos(angle) + dy * np.sin(angle)
    off = np.abs(-dx * np.sin(angle) + dy * np.cos(angle)) / np.maximum(along * np.tan(spread) + 7, 1)
    shine = np.exp(-(off**2) * 1.6) * np.clip(1 - along / length, 0, 1) ** 1.4 * smoothstep(-4, 14, along)
    canvas.light += (shine * strength)[..., None].astype(np.float32) * linear(colour)


def house(canvas: Canvas, x: float, ground: float, size: float, *, wall: str, roof: str, shade: str) -> None:
    """Paint a village house whose gable looks left and whose long side lies in the shade."""
    long, tall, deep = size * canvas.random.uniform(0.75, 1.1), size * canvas.random.uniform(0.6, 0.95), size * 0.55
    ridge = tall + size * 0.34
    gable = [
        (x, ground),
        (x, ground - tall),
        (x + deep / 2, ground - ridge),
        (x + deep, ground - tall),
        (x + deep, ground),
    ]
    canvas.shape([gable], wall)
    canvas.shape([[(x + deep, ground), (x + deep, ground - tall), (x + deep + long, ground - tall),
                   (x + deep + long, ground)]], shade)  # fmt: skip
    eave = size * 0.05
    canvas.shape([[(x + deep / 2, ground - ridge), (x + deep + eave, ground - tall + eave),
                   (x + deep + long + eave, ground - tall + eave), (x + deep / 2 + long, ground - ridge)]],
                 roof)  # fmt: skip
    canvas.stroke([(x - eave, ground - tall + eave), (x + deep / 2, ground - ridge)], size * 0.05, roof)
    pane = size * 0.12
    spots = [(x + deep * 0.36, ground - tall * 0.72), (x + deep + long * 0.25, ground - tall * 0.7),
             (x + deep + long * 0.62, ground - tall * 0.7)]  # fmt: skip
    for px, py in spots:
        canvas.shape([[(px, py), (px + pane, py), (px + pane, py + pane * 1.4), (px, py + pane * 1.4)]], "#31495c", 0.8)


def skyline(
    canvas: Canvas, ground: float, *, low: float, high: float, wide: tuple[float, float], fill: str, lit: float,
    lamps: Sequence[str], pane: float, span: tuple[float, float] = (0, WIDTH), haze: str | None = None,
) -> None:  # fmt: skip
    """Paint a row of towers with windows.

    Args:
        canvas: Where to paint.
        ground: Row of the shore.
        low: Least height, pixels.
        high: Height of the tallest, pixels; the row swells towards its middle.
        wide: Least and largest width of a tower, pixels.
        fill: Colour of the walls.
        lit: Share of the windows that are lit.
        lamps: Colours of lit windows.
        pane: Height of a window, pixels.
        span: First and last column.
        haze: Colour at the foot of the towers, where there is mist.
    """
    random = canvas.random
    x = span[0]
    while x < span[1]:
        width = float(random.uniform(*wide))
        middle = np.exp(-(((x - (span[0] + span[1]) / 2) / (span[1] - span[0]) / 0.27) ** 2))
        tall = float(low + (high - low) * random.uniform(0.25, 1.0) * (0.3 + 0.7 * middle))
        top = ground - tall
        outline: list[Point] = [(x, ground), (x, top), (x + width, top), (x + width, ground)]
        crown = random.integers(0, 6)
        if crown == 0:
            outline[1:3] = [(x, top + width * 0.5), (x + width, top)]
        elif crown == 1:
            outline[1:3] = [
                (x, top),
                (x + width * 0.2, top - width * 0.22),
                (x + width * 0.8, top - width * 0.22),
                (x + width, top),
            ]
        elif crown == 2:
            step = width * 0.2
            outline[1:3] = [(x, top + 40), (x + step, top + 40), (x + step, top), (x + width - step, top),
                            (x + width - step, top + 40), (x + width, top + 40)]  # fmt: skip
        canvas.shape([outline], (fill, haze or fill))
        if crown >= 4 and tall > high * 0.45:
            canvas.stroke([(x + width / 2, top), (x + width / 2, top - width * 0.7)], 3.0, fill)
            canvas.disc(x + width / 2, top - width * 0.7, 3.2, "#ff5a4a")
        _windows(canvas, x, top + (46 if crown in (0, 2) else 8), width, ground, pane=pane, lit=lit, lamps=lamps)
        x += width * float(random.uniform(0.72, 1.12))


def _windows(
    canvas: Canvas, x: float, top: float, width: float, ground: float, *, pane: float, lit: float, lamps: Sequence[str]
) -> None:
    random = canvas.random
    pitch_x, pitch_y = pane * 1.35, pane * 1.75
    across = int((width - pane) / pitch_x)
    down = int((ground - top - pane * 2) / pitch_y)
    margin = (width - across * pitch_x + pitch_x - pane * 0.8) / 2
    floors = random.uniform(0.3, 1.6, max(down, 0))
    panes: dict[str, list[list[Point]]] = {}
    for row in range(down):
        for column in range(across):
            if random.uniform() > lit * floors[row]:
                continue
            px, py = x + margin + column * pitch_x, top + pane + row * pitch_y
            lamp = str(random.choice(list(lamps)))
            panes.setdefault(lamp, []).append(
                [(px, py), (px + pane * 0.8, py), (px + pane * 0.8, py + pane), (px, py + pane)]
            )
    for lamp, outlines in panes.items():
        canvas.shape(outlines, lamp, float(random.uniform(0.65, 0.95)))


def street_lamps(canvas: Canvas, ground: float, every: float, colour: str, strength: float, *, start: float) -> None:
    """Add a string of lamps along a shore from the column `start` on, with their glow."""
    glow = np.zeros((HEIGHT, WIDTH), np.float32)
    for x in np.arange(start, WIDTH, every):
        glow[int(ground), int(np.clip(x + canvas.random.uniform(-8, 8), 0, WIDTH - 1))] = canvas.random.uniform(0.6, 1)
    halos = [cv2.GaussianBlur(glow, (0, 0), s) * s * s * k for s, k in ((2.2, 6.0), (9.0, 1.6), (30.0, 0.5))]
    shine = np.sum(halos, axis=0)
    canvas.light += (shine * strength)[..., None] * linear(colour)


def bridge(canvas: Canvas) -> None:
    """Paint a suspension bridge that comes in from the left and ends at the column 690."""
    deck, fill = 880, "#262452"
    canvas.shape([[(0, deck), (700, deck + 18), (700, deck + 30), (0, deck + 14)]], fill)
    for tower in (90.0, 470.0):
        top = deck - 250
        canvas.shape([[(tower - 11, 940), (tower - 7, top), (tower + 7, top), (tower + 11, 940)]], fill)
        canvas.disc(tower, top - 8, 4, "#ff5a4a")
    share = np.linspace(0, 1, 40)
    for left, right in ((-290.0, 90.0), (90.0, 470.0), (470.0, 690.0)):
        # The last span runs down to its anchor on the shore instead of up to another tower.
        drop = 215 * 4 * share * (1 - share) if right < 600 else 258 * (1 - (1 - share) ** 1.7)
        sag = list(zip(left + (right - left) * share, deck - 245 + drop, strict=True))
        canvas.stroke([(float(x), float(y)) for x, y in sag], 5, fill)
        for x, y in sag[1:-1:2]:
            canvas.stroke([(float(x), float(y)), (float(x), deck + 8)], 2.0, fill, 0.9)
    for x in np.arange(20, 690, 46):
        canvas.disc(float(x), deck - 4 + x * 0.025, 3, "#ffe0a0")
        canvas.glow(float(x), deck - 4 + x * 0.025, 9, "#ffc57a", 0.35, power=2.4)


def ferry(canvas: Canvas, x: float, line: float, size: float) -> None:
    """Paint a lit ferry of `size` pixels length on the waterline `line`."""

    def box(left: float, low: float, right: float, high: float, fill: str, *, slant: float = 0.0) -> None:
        canvas.shape([[(x + size * left, line - size * low), (x + size * (left + slant), line - size * high),
                       (x + size * (right - slant), line - size * high), (x + size * right, line - size * low)]],
                     fill)  # fmt: skip

    canvas.shape([[(x - size * 0.5, line - size * 0.085), (x + size * 0.54, line - size * 0.1),
                   (x + size * 0.44, line + 4), (x - size * 0.46, line + 4)]], ("#1b1f4d", "#0d1233"))  # fmt: skip
    box(-0.44, 0.085, 0.4, 0.16, "#e9d9d2", slant=0.01)
    box(-0.36, 0.16, 0.3, 0.225, "#cdb9c2", slant=0.02)
    box(0.1, 0.225, 0.24, 0.285, "#e9d9d2", slant=0.015)
    box(-0.16, 0.225, -0.05, 0.335, "#b8434f", slant=0.012)
    for left, low, high, count, wide in ((-0.41, 0.105, 0.14, 17, 0.031), (-0.32, 0.177, 0.208, 13, 0.031)):
        for pane in range(count):
            start = left + pane * 0.0475
            box(start, low, start + wide, high, "#ffcf7a")
    box(0.115, 0.24, 0.225, 0.27, "#ffdf9a")
    canvas.stroke([(x + size * 0.17, line - size * 0.285), (x + size * 0.17, line - size * 0.42)], 4, "#2a2a58")
    canvas.disc(x + size * 0.17, line - size * 0.42, 4, "#fff0c0")
    canvas.stroke([(x - size * 0.5, line - size * 0.07), (x + size * 0.52, line - size * 0.083)], 4, "#d9606a")
