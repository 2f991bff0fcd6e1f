"""The six pictures, from dawn to night; the lowest fifth of each is calm, so that captions can be read."""

import nature
import numpy as np
import objects
from canvas import HEIGHT, WIDTH, Canvas, Pixels, gradient, smoothstep
from noise import peaks, smooth_line


def dawn() -> Canvas:
    """A fisher before the rising sun, in front of four ranges in the mist."""
    canvas = Canvas(101)
    horizon, sun = 860, (1610.0, 640.0)
    canvas.sky(
        [(0, "#232a5c"), (230, "#4a437e"), (430, "#8f5f92"), (600, "#dd8390"), (740, "#ffb59a"), (860, "#ffd9ae")]
    )
    nature.stars(canvas, 330, 260, 0.4)
    nature.streaks(canvas, 150, 560, "#f59a9c", strength=0.5, cells=(16, 3))
    nature.streaks(canvas, 380, 700, "#ffd3b0", strength=0.55, cells=(26, 3))
    canvas.disc(*sun, 96, ("#ffe9b8", "#ffc98a"))
    canvas.glow(*sun, 430, "#ff9c66", 0.3, power=2.0)
    canvas.glow(*sun, 140, "#ffd08a", 0.45, power=2.8)
    ranges = [
        (700, 210, 5.0, "#e7a09c", "#cf8a98", "#ffcfac", 0.55),
        (760, 250, 4.0, "#b9788f", "#9a6488", "#f5b5a2", 0.65),
        (820, 230, 5.5, "#81557f", "#694672", "#d98f98", 0.7),
    ]
    for base, tall, count, lit, shade, foot, contrast in ranges:
        crest = base - tall * _crest(canvas, count, dip=sun[0])
        nature.mountains(canvas, crest, lit, shade, foot, sun=1, reach=tall * 1.15, contrast=contrast)
        canvas.haze(base + 55, 34, "#ffd2b4", 0.55, 0.6)
    near = 868 - 120 * np.clip(smooth_line(canvas.random, WIDTH, 5, 6) * 0.5 + 0.32, 0, 1)
    near -= 130 * smoothstep(900, 0, canvas.columns[0]) + 90 * smoothstep(2050, 2560, canvas.columns[0])
    near += 60 * np.exp(-(((canvas.columns[0] - sun[0]) / 420) ** 2))
    nature.forest(canvas, near, "#4b345f", every=15, tall=(22, 58), span=(0, WIDTH))
    nature.mountains(canvas, near, "#54395f", "#45315c", "#8a5c7c", sun=1, reach=240, contrast=0.6)
    canvas.glow(*sun, 220, "#ffb070", 0.22, power=2.2)
    canvas.haze(848, 26, "#ffd9bb", 0.6, 0.55)
    canvas.water(horizon, "#2b2a55", clear=0.92, chop=0.8)
    canvas.haze(862, 14, "#ffe3c4", 0.4)
    canvas.glitter(sun[0], horizon, 1190, "#ffe9bf", count=330, width=150)
    canvas.open_group()
    objects.rowing_boat(canvas, 1010, 1040, 430, "#1d1735")
    canvas.mirror(canvas.close_group(), 1042, 0.95, "#1d1735", wobble=6)
    nature.gulls(
        canvas, [(1150, 420, 66), (1250, 372, 46), (1062, 352, 38), (1330, 442, 32), (960, 470, 28)], "#3a2a55"
    )
    return canvas


def _crest(canvas: Canvas, count: float, dip: float) -> Pixels:
    """Return a crest of 0–1 that lies low around the column `dip`, to open the view there."""
    valley = 1 - 0.7 * np.exp(-(((canvas.columns[0] - dip) / 400) ** 2))
    return peaks(canvas.random, WIDTH, count) * valley


def morning() -> Canvas:
    """A regatta under fair-weather clouds."""
    canvas = Canvas(202)
    horizon = 800
    canvas.sky([(0, "#1f78ad"), (300, "#4ba3cb"), (560, "#93d0dc"), (720, "#d6efe2"), (800, "#fff4da")])
    canvas.glow(300, 700, 700, "#fff0c8", 0.14, power=1.8)
    for x, base, width in ((2330, 640, 360), (120, 655, 420), (1010, 640, 300), (1500, 668, 240), (560, 690, 220)):
        nature.cumulus(canvas, x, base, width, light="#fffdf4", shade="#b9dde2", sun=-1)
    nature.cumulus(canvas, 1950, 560, 820, light="#fffdf6", shade="#9fcad8", sun=-1)
    nature.cumulus(canvas, 640, 420, 560, light="#fffdf6", shade="#8fc3d6", sun=-1)
    canvas.haze(770, 70, "#fff6e0", 0.55)
    for base, tall, count, lit, shade, foot in (
        (792, 120, 4.0, "#a5d2d3", "#86bcc8", "#d9efe2"),
        (802, 105, 3.0, "#6fb3b0", "#4f97a4", "#b5dcd2"),
    ):
        crest = base - tall * (0.3 + 0.6 * smooth_line(canvas.random, WIDTH, count, 6, 0.42))
        nature.mountains(canvas, crest, lit, shade, foot, sun=-1, reach=tall * 1.3, contrast=0.5)
    canvas.water(horizon, "#0b5a78", clear=0.8, chop=1.25)
    canvas.haze(801, 12, "#f4fbef", 0.4)
    canvas.glitter(420, horizon, 1180, "#fffbe8", count=260, width=420)
    fleet = [
        (330, 838, 120, ("#ffffff", "#dcebee"), ("#ffd98a", "#f2b452"), "#24506b"),
        (520, 826, 84, ("#ff9a7a", "#e8694f"), ("#ffffff", "#e4eef0"), "#24506b"),
        (1180, 834, 104, ("#ffffff", "#dcebee"), ("#ff8a70", "#df5e4b"), "#24506b"),
        (1385, 824, 74, ("#ffe2a0", "#f4bf5c"), ("#ffffff", "#dfecee"), "#2c5a74"),
        (2360, 842, 128, ("#ffffff", "#dcebee"), ("#7cc4d0", "#4a9db3"), "#24506b"),
        (2180, 822, 64, ("#ffffff", "#dcebee"), ("#ff9a7a", "#e8694f"), "#2c5a74"),
        (800, 906, 290, ("#fffdf5", "#dbe6e4"), ("#f2a93b", "#dd8424"), "#173c56"),
    ]
    for x, line, size, main, jib, hull in fleet:
        canvas.open_group()
        objects.sailboat(canvas, x, line, size, main=main, jib=jib, hull=hull, lean=0.07)
        canvas.mirror(canvas.close_group(), line + 1, 0.75, "#0b5a78", wobble=4)
    canvas.open_group()
    objects.sailboat(
        canvas,
        1770,
        1070,
        800,
        main=("#fffef8", "#d9e4e2"),
        jib=("#ff7d5e", "#d94a3a"),
        hull="#12344d",
        lean=0.085,
        stripe="#ffd28a",
    )
    canvas.mirror(canvas.close_group(), 1074, 0.8, "#0a4d69", wobble=9)
    for left, right, y, thick in (
        (1450, 2010, 1077, 3.5),
        (1290, 1640, 1086, 3.0),
        (1130, 1440, 1096, 2.2),
        (1880, 2110, 1089, 2.5),
    ):
        canvas.shape(
            [[(left, y), ((left + right) / 2, y - thick), (right, y), ((left + right) / 2, y + thick)]], "#f3fbfa", 0.75
        )
    nature.gulls(canvas, [(1330, 330, 84), (1210, 278, 56), (1105, 352, 40), (2330, 300, 48)], "#ffffff")
    return canvas


def noon() -> Canvas:
    """The bay seen from a hill among pines, with the village at its shore."""
    canvas = Canvas(303)
    canvas.sky([(0, "#2f86b8"), (260, "#6db6d2"), (470, "#b9dfdd"), (620, "#eef3df")])
    canvas.glow(2000, 560, 700, "#fff2cf", 0.12, power=1.8)
    nature.cumulus(canvas, 430, 300, 620, light="#fffdf6", shade="#a9cfdb", sun=1)
    nature.cumulus(canvas, 2240, 330, 420, light="#fffdf6", shade="#b5d6de", sun=1)
    columns = canvas.columns[0]
    massif = 1.0 - np.abs((columns - 1360) / 640) ** 0.8
    side = 0.62 - np.abs((columns - 640) / 520) ** 0.9
    far = 0.5 - np.abs((columns - 2120) / 560) ** 0.9
    shape = np.maximum(np.maximum(massif, side), np.maximum(far, 0.05))
    crest = 660 - 440 * shape - 120 * (peaks(canvas.random, WIDTH, 11) - 0.35) * (0.35 + 0.65 * shape)
    crest -= 14 * smooth_line(canvas.random, WIDTH, 70, 3)
    nature.mountains(canvas, crest, "#b3ccd4", "#6e95b2", "#dbe9e2", sun=1, reach=520, snow=250)
    canvas.haze(610, 60, "#eef4e6", 0.75, 0.4)
    for base, tall, lit, shade, foot in (
        (660, 190, "#9dbfa9", "#6c9c98", "#cfe0cc"),
        (705, 170, "#83ae7e", "#4f8676", "#a9cdae"),
    ):
        low = base - tall * (0.4 + 0.5 * smooth_line(canvas.random, WIDTH, 5, 6, 0.45))
        nature.mountains(canvas, low, lit, shade, foot, sun=1, reach=tall * 1.4, contrast=0.85)
        canvas.haze(base, 26, "#eef4e0", 0.4, 0.5)
    canvas.water(700, "#127d8c", clear=0.7, chop=0.35)
    canvas.glitter(1690, 705, 1000, "#fffbe6", count=150, width=260)
    for x, line, size in ((1500, 800, 46), (1640, 760, 30), (1250, 782, 36), (1810, 846, 62), (1390, 905, 80)):
        canvas.open_group()
        objects.sailboat(
            canvas, x, line, size, main=("#ffffff", "#e6efee"), jib=("#fff4dc", "#f0dcb4"), hull="#2a5468", lean=0.05
        )
        canvas.mirror(canvas.close_group(), line + 1, 0.5, "#127d8c", wobble=2)
    # A tongue of land runs in from the left with the village on it.
    shore = 1010 - 260 * smoothstep(1350, 60, columns) - 16 * smooth_line(canvas.random, WIDTH, 9, 5)
    shore += 150 * smoothstep(1000, 1560, columns) ** 1.3
    nature.forest(canvas, shore, "#3f7b5c", every=26, tall=(34, 74), span=(0, 760))
    nature.mountains(canvas, shore, "#8fb866", "#5e9a62", "#4d8f68", sun=1, reach=420, contrast=0.6)
    village = [(float(x), float(y)) for y in (850, 892, 938) for x in np.arange(300 + (y - 850) * 2.2, 1120, 74)]
    for place, y in village:
        column = place + canvas.random.uniform(-18, 18)
        if shore[int(column)] + 26 > y or canvas.random.uniform() < 0.14:
            continue
        wall, shade = [("#fff6e4", "#d9cdbd"), ("#ffe9cf", "#dcbfa4"), ("#fbd9bd", "#cfa78d")][
            int(canvas.random.integers(3))
        ]
        roof = ["#d9694a", "#c4553f", "#e28257"][int(canvas.random.integers(3))]
        objects.house(canvas, column, y, 46 + (y - 850) * 0.12, wall=wall, roof=roof, shade=shade)
        if canvas.random.uniform() < 0.5:
            nature.pines(canvas, [(column - 14, y + 5, canvas.random.uniform(48, 80))], "#34704f")
    # The near hill frames the bay: pines on both sides, an open slope between them.
    hill = 1150 - 190 * smoothstep(900, 0, columns) - 250 * smoothstep(1750, 2560, columns)
    hill += 16 * smooth_line(canvas.random, WIDTH, 12, 5) + 60 * np.exp(-(((columns - 1350) / 500) ** 2))
    nature.forest(canvas, hill - 6, "#2f6a52", every=34, tall=(70, 190), span=(1650, WIDTH))
    nature.forest(canvas, hill - 6, "#2f6a52", every=34, tall=(60, 150), span=(0, 620))
    nature.mountains(canvas, hill, "#3d7a55", "#2b6350", "#174538", sun=1, reach=520, contrast=0.5)
    nature.pines(
        canvas, [(2290, 1180, 720), (2470, 1210, 900), (2120, 1190, 470), (2560, 1190, 640)], ("#16473f", "#0f3830")
    )
    nature.pines(canvas, [(90, 1200, 560), (-20, 1180, 760), (215, 1190, 330)], ("#16473f", "#0f3830"))
    low = 1330 - 150 * smoothstep(700, 0, columns) - 190 * smoothstep(1900, 2560, columns)
    low += 14 * smooth_line(canvas.random, WIDTH, 16, 5)
    nature.mountains(canvas, low, "#16493e", "#123f37", "#0f352f", sun=1, reach=260, contrast=0.4)
    nature.gulls(canvas, [(1780, 470, 60), (1880, 430, 42), (1700, 425, 34)], "#ffffff")
    return canvas


def golden() -> Canvas:
    """The lighthouse on its rock against the low sun."""
    canvas = Canvas(404)
    horizon, sun = 940, (760.0, 800.0)
    canvas.sky(
        [(0, "#3a2358"), (250, "#7c3468"), (470, "#c94f66"), (660, "#f5835a"), (820, "#ffb765"), (940, "#ffdd92")]
    )
    nature.streaks(canvas, 60, 420, "#e2607a", strength=0.62, cells=(11, 3))
    nature.streaks(canvas, 330, 720, "#ffb27a", strength=0.7, cells=(18, 3))
    nature.streaks(canvas, 600, 860, "#ffe3a8", strength=0.5, cells=(34, 3))
    canvas.disc(*sun, 128, ("#fff0bd", "#ffd07e"))
    canvas.glow(*sun, 520, "#ff8a4a", 0.3, power=2.0)
    canvas.glow(*sun, 190, "#ffc060", 0.5, power=2.8)
    columns = canvas.columns[0]
    for base, tall, lit, shade, foot, contrast, out in (
        (948, 150, "#e58a67", "#cf7067", "#ffbf82", 0.5, 1500.0),
        (952, 250, "#b45a64", "#964a63", "#ee8f6c", 0.6, 1750.0),
    ):
        cliff = base - tall * smoothstep(out - 420, out + 500, columns) * (
            0.75 + 0.4 * smooth_line(canvas.random, WIDTH, 7, 6)
        )
        nature.mountains(canvas, cliff, lit, shade, foot, sun=-1, reach=tall * 1.25, contrast=contrast)
    canvas.haze(936, 26, "#ffd79a", 0.55)
    canvas.water(horizon, "#47244f", clear=0.92, chop=1.1)
    canvas.haze(941, 12, "#ffe4ac", 0.4)
    canvas.glitter(sun[0], horizon, 1230, "#fff0bf", count=380, width=200)
    for x, line, size in ((1235, 978, 118), (1120, 960, 60), (330, 966, 76)):
        canvas.open_group()
        objects.sailboat(
            canvas,
            x,
            line,
            size,
            main=("#6a3358", "#592a50"),
            jib=("#7c3d5c", "#662f54"),
            hull="#45214a",
            lean=0.04,
            facing=-1,
        )
        canvas.mirror(canvas.close_group(), line + 1, 0.7, "#47244f", wobble=3)
    rock = 1215 - 560 * smoothstep(1330, 1880, columns) ** 1.35 + 70 * smoothstep(2050, 2560, columns)
    ragged = smoothstep(1330, 1600, columns)
    rock += ragged * (40 * smooth_line(canvas.random, WIDTH, 22, 6, 0.6) - 34 * (peaks(canvas.random, WIDTH, 30) - 0.4))
    top = smoothstep(1840, 1900, columns) * smoothstep(2180, 2080, columns)
    rock = (rock * (1 - top) + (650 + 0.13 * np.abs(columns - 1960)) * top).astype(np.float32)
    lamp = objects.lighthouse(canvas, 1985, 668, 500, ("#ffd9b0", "#b8323f", "#3a1740"))
    objects.house(canvas, 2060, 706, 104, wall="#e0a07c", roof="#6b2340", shade="#4d2148")
    # The headland stands in the water: it is cut at the shore and mirrored below it.
    shore = (1194 + 2.5 * smooth_line(canvas.random, WIDTH, 40, 3)).astype(np.float32)
    sea = canvas.light.copy()
    _headland(canvas, rock)
    wet = canvas.below(shore)[..., None]
    canvas.light = canvas.light * (1 - wet) + sea * wet
    canvas.mirror(canvas.below(rock) * (1 - wet[..., 0]), 1193, 0.9, "#2a1438", wobble=7)
    nature.forest(canvas, rock, "#2a1538", every=26, tall=(40, 110), span=(2210, WIDTH))
    for x, y, half, tall in ((1250, 1190, 90, 26), (1130, 1206, 46, 12), (1395, 1204, 120, 34)):
        canvas.open_group()
        ridge = [(x + half * u, y - tall * (1 - u * u) * canvas.random.uniform(0.6, 1)) for u in np.linspace(-1, 1, 23)]
        canvas.shape([ridge], ("#6a2f4c", "#2f1738"))
        canvas.mirror(canvas.close_group(), y, 0.8, "#2a1438", wobble=3)
    objects.beam(canvas, lamp, np.pi + 0.1, length=1300, spread=0.05, colour="#ffe9b0", strength=0.42)
    objects.beam(canvas, lamp, 0.1, length=700, spread=0.05, colour="#ffe9b0", strength=0.3)
    canvas.glow(*lamp, 30, "#fff0c0", 1.1, power=2.4)
    flock = [(1330, 470, 92), (1450, 405, 66), (1215, 400, 54), (1560, 520, 50), (1130, 500, 40), (1375, 340, 36)]
    nature.gulls(canvas, flock, "#2c1638")
    return canvas


def _headland(canvas: Canvas, rock: Pixels) -> None:
    """Paint the cliff in two planes, one in the last light and one in shade, with a few fissures across them."""
    rows = np.arange(HEIGHT, dtype=np.float32)
    fall = smoothstep(640, 1200, rows)
    lit = gradient([(0, "#b5505a"), (0.55, "#7d3550"), (1, "#3c1b40")], fall)[:, None, :]
    shade = gradient([(0, "#4d224e"), (1, "#25132f")], fall)[:, None, :]
    rough = smooth_line(canvas.random, HEIGHT, 22, 4, 0.6)
    ridge = 2035 - 0.16 * (rows - 660) + 26 * rough
    side = np.clip((canvas.columns - ridge[:, None]) / 2 + 0.5, 0, 1)
    # Shards of the other plane: column at the top, drift a row, half width, first and last row.
    for start, drift, width, first, last in (
        (1830.0, -0.34, 26.0, 740.0, 1040.0), (1935.0, -0.22, 32.0, 700.0, 1190.0),
        (1660.0, -0.42, 20.0, 930.0, 1170.0),
        (2165.0, 0.05, 34.0, 690.0, 1000.0), (2330.0, 0.2, 22.0, 740.0, 1120.0), (2090.0, -0.08, 14.0, 860.0, 1190.0),
        (2480.0, 0.06, 42.0, 700.0, 980.0), (1760.0, -0.36, 12.0, 900.0, 1190.0),
    ):  # fmt: skip
        along = (rows - first) / (last - first)
        wide = width * np.clip(np.minimum(along * 9, (1 - along) * 1.1), 0, 1)
        edge = start + drift * (rows - first) + 12 * np.roll(rough, int(start) % 400)
        shard = np.clip((wide[:, None] - np.abs(canvas.columns - edge[:, None])) / 2 + 0.5, 0, 1) * (wide > 1)[:, None]
        side += (np.where(start < 2035, 0.8, 0.62) - side) * shard
    canvas.cover(canvas.below(rock), (lit + (shade - lit) * side[..., None]).astype(np.float32))


def dusk() -> Canvas:
    """The city across the water in the blue hour, under a thin moon."""
    canvas = Canvas(505)
    horizon = 930
    canvas.sky(
        [(0, "#0b1a40"), (260, "#1f3169"), (480, "#4a4a8c"), (660, "#97649a"), (800, "#e58a8a"), (930, "#ffc091")]
    )
    nature.stars(canvas, 520, 620, 0.75)
    nature.streaks(canvas, 420, 760, "#d9779a", strength=0.55, cells=(20, 3))
    nature.streaks(canvas, 620, 880, "#ffb48f", strength=0.5, cells=(30, 3))
    moon = (610.0, 285.0)
    canvas.glow(*moon, 130, "#cfd8ff", 0.3, power=2.0)
    # Two arcs between the same horns: the outer one of the disc, the inner one flatter.
    limb, edge = np.linspace(-np.pi / 2, np.pi / 2, 60), np.linspace(np.pi / 2, -np.pi / 2, 60)
    rim = [
        *zip(66 * np.cos(limb), 66 * np.sin(limb), strict=True),
        *zip(36 * np.cos(edge), 66 * np.sin(edge), strict=True),
    ]
    lean_x, lean_y = np.cos(0.5), np.sin(0.5)
    canvas.shape([[(moon[0] + u * lean_x - v * lean_y, moon[1] + u * lean_y + v * lean_x) for u, v in rim]], "#fff7e2")
    hills = 930 - 130 * np.clip(smooth_line(canvas.random, WIDTH, 4, 6, 0.45) * 0.6 + 0.45, 0, 1)
    nature.mountains(canvas, hills, "#a0668c", "#7f568a", "#eb9a90", sun=1, reach=170, contrast=0.5)
    warm = ["#ffd58a", "#ffc46a", "#ffe6b5", "#ffb35a", "#cfe3ff"]
    objects.skyline(
        canvas,
        936,
        low=60,
        high=330,
        wide=(34, 70),
        fill="#715089",
        lit=0.16,
        lamps=warm,
        pane=6,
        haze="#bd7590",
        span=(500, 2560),
    )
    canvas.haze(925, 60, "#f2a08c", 0.4)
    objects.skyline(
        canvas,
        938,
        low=60,
        high=520,
        wide=(52, 104),
        fill="#43386f",
        lit=0.26,
        lamps=warm,
        pane=8,
        haze="#71507f",
        span=(760, 2520),
    )
    canvas.haze(935, 46, "#e08c8a", 0.28)
    objects.skyline(
        canvas,
        942,
        low=40,
        high=600,
        wide=(66, 128),
        fill="#1d2150",
        lit=0.36,
        lamps=warm,
        pane=10,
        haze="#32285c",
        span=(980, 2360),
    )
    objects.skyline(
        canvas, 942, low=24, high=90, wide=(50, 120), fill="#191c47", lit=0.4, lamps=warm, pane=8, span=(620, 2560)
    )
    canvas.glow(1670, 900, 420, "#ffae6a", 0.1, power=2.0)
    objects.street_lamps(canvas, 934, 42, "#ffc57a", 1.0, start=570)
    objects.bridge(canvas)
    canvas.water(horizon + 8, "#0b1638", clear=0.95, chop=0.75)
    canvas.shape([[(560, 934), (WIDTH, 934), (WIDTH, 943), (560, 943)]], "#12143a")
    canvas.open_group()
    objects.ferry(canvas, 760, 1075, 460)
    canvas.mirror(canvas.close_group(), 1077, 0.75, "#0b1638", wobble=7)
    for x, y in ((590, 1040), (650, 1040), (820, 1040), (905, 1042), (700, 988)):
        canvas.glow(x, y, 26, "#ffc36a", 0.3, power=2.2)
    return canvas


def night() -> Canvas:
    """Lanterns rise from a boat below the northern lights."""
    canvas = Canvas(606)
    horizon = 960
    canvas.sky([(0, "#030817"), (350, "#081833"), (650, "#0f2a4a"), (850, "#1c4560"), (960, "#3a6a78")])
    nature.stars(canvas, 880, 1500, 0.9)
    back = [(-500, 300), (200, 250), (800, 470), (1300, 330), (1900, 500), (2400, 260), (3000, 330)]
    front = [(3000, 420), (2500, 380), (1900, 700), (2300, 830), (1700, 760), (1200, 560), (900, 780), (1350, 860),
             (500, 700), (100, 480), (-600, 380)]  # fmt: skip
    nature.aurora(canvas, back, 330, 0.3, ("#2fd6c0", "#2f8fd0", "#5a3fb0"))
    nature.aurora(canvas, front, 430, 0.62, ("#8dffb0", "#2fe0a0", "#7a4fd0"))
    for base, tall, count, lit, shade, foot, contrast, snow in (
        (930, 300, 6.5, "#3f6f80", "#22495f", "#2f6272", 0.8, 90.0),
        (960, 190, 5.0, "#173a4c", "#102c40", "#235062", 0.6, 0.0),
    ):
        crest = base - tall * _crest(canvas, count, dip=1180)
        nature.mountains(canvas, crest, lit, shade, foot, sun=-1, reach=tall * 1.2, contrast=contrast, snow=snow,
                         drifts=("#a8d8d6", "#4f8aa0"))  # fmt: skip
    canvas.haze(945, 30, "#4f8f90", 0.3, 0.5)
    near = 972 - 60 * np.clip(smooth_line(canvas.random, WIDTH, 5, 5) * 0.5 + 0.4, 0, 1)
    near -= 120 * smoothstep(700, 0, canvas.columns[0]) + 150 * smoothstep(1850, 2560, canvas.columns[0])
    nature.forest(canvas, near, "#0a1f2f", every=17, tall=(30, 84), span=(0, WIDTH))
    nature.mountains(canvas, near, "#0b2233", "#091c2c", "#0d2839", sun=-1, reach=200, contrast=0.5)
    far = [(1500, 470, 34), (1640, 380, 26), (1330, 330, 22), (1780, 560, 40), (1120, 520, 30), (1460, 240, 17),
           (1960, 430, 24), (930, 640, 36), (1250, 700, 46), (1710, 720, 50), (2100, 640, 34), (760, 450, 22),
           (1580, 610, 56), (1390, 560, 40), (1840, 250, 16), (1040, 280, 16)]  # fmt: skip
    for x, y, size in far:
        objects.lantern(canvas, x, y, size, 0.9)
    canvas.water(horizon, "#04101f", clear=0.9, chop=0.85)
    canvas.haze(962, 10, "#7fc0b4", 0.16)
    canvas.open_group()
    objects.rowing_boat(canvas, 1250, 1046, 380, "#030a14")
    objects.lantern(canvas, 1425, 950, 70, 1.0)
    canvas.mirror(canvas.close_group(), 1048, 0.9, "#04101f", wobble=6)
    objects.lantern(canvas, 1610, 850, 92, 1.0)
    objects.lantern(canvas, 1075, 845, 70, 1.0)
    canvas.glitter(1425, 1050, 1260, "#ffb860", count=70, width=70)
    canvas.glitter(1610, 1000, 1230, "#ffb860", count=60, width=60)
    return canvas
