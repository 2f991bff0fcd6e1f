"""Draws the sprite sheet of a video: a small picture for each stretch of its time, for the preview over a seek bar."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from render_service.compositor.encoding.encoder import open_segment
from render_service.compositor.encoding.sprite_sheet import SpriteSheet
from render_service.compositor.encoding.thumbnails import scaled_picture

_QUALITY = 75


def write_sprites(sheet: SpriteSheet, shown: Sequence[tuple[Path, int]], path: Path) -> None:
    """Draw a sprite sheet as JPEG.

    Args:
        sheet: Its layout.
        shown: For each picture, a segment and the number of the frame to take from it. A segment is decoded once, up to
            the last frame that is wanted.
        path: The file to write.
    """
    wanted: dict[Path, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, (segment, number) in enumerate(shown):
        wanted[segment][number].append(index)
    pictures = Image.new("RGB", sheet.size)
    for segment, places in wanted.items():
        last = max(places)
        with open_segment(segment) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in places:
                    picture = scaled_picture(frame, sheet.width, sheet.height)
                    for index in places[number]:
                        pictures.paste(picture, sheet.place(index))
                if number == last:
                    break
    pictures.save(path, "JPEG", quality=_QUALITY)
