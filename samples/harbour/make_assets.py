"""Make the sample's pictures and music, from a fixed seed: `python samples/harbour/make_assets.py`."""

import sys
import time
from pathlib import Path

import music
import scenes

HERE = Path(__file__).resolve().parent
PICTURES = {
    "01-dawn": scenes.dawn,
    "02-morning": scenes.morning,
    "03-noon": scenes.noon,
    "04-golden": scenes.golden,
    "05-dusk": scenes.dusk,
    "06-night": scenes.night,
}


def main(names: list[str]) -> None:
    """Write the assets whose names are given, or all of them."""
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    for name, paint in PICTURES.items():
        if names and name not in names:
            continue
        started = time.monotonic()
        path = folder / f"{name}.jpg"
        paint().finish(path)
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {time.monotonic() - started:.1f} s\n")
    if not names or "music" in names:
        started = time.monotonic()
        path = HERE / "music.m4a"
        sound = music.compose()
        music.save(sound, path)
        sys.stdout.write(
            f"{path.name}: {sound.shape[1] / music.RATE:.1f} s at {music.loudness(sound):.1f} LUFS, "
            f"{path.stat().st_size / 1000:.0f} kB, {time.monotonic() - started:.1f} s\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
