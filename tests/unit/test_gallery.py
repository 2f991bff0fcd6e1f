"""The gallery shows every transition, motion, caption preset and card, and the repository's media stay small."""

from pathlib import Path

import pytest

from scripts.gallery.looks import FOLDER, Look, captions, cards, motions, transitions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/gallery.md").read_text(encoding="utf-8")
LOOKS = [*transitions(), *motions(), *captions(), *cards()]
MOST_BYTES = 30_000_000


@pytest.mark.parametrize("look", LOOKS, ids=[look.name for look in LOOKS])
def test_every_look_has_its_pictures_and_a_line_on_the_page(look: Look) -> None:
    assert (FOLDER / f"{look.name}.webp").read_bytes()[8:12] == b"WEBP", "run python -m scripts.gallery.looks"
    assert (FOLDER / f"{look.name}.jpg").is_file()
    kind = look.name.partition("-")[2].upper()
    assert f"| `{kind}` | ![{kind}](../images/looks/{look.name}.webp) |" in PAGE or look.name.startswith("tall_card")


def test_no_picture_is_left_of_a_look_that_is_gone() -> None:
    named = {look.name for look in LOOKS} | {"transitions", "motions", "captions", "cards", "tall_cards"}
    assert {file.stem for file in FOLDER.iterdir()} == named


def test_media_in_the_repository_stay_small() -> None:
    media = [*(ROOT / "docs/images").rglob("*.*"), *(ROOT / "samples").rglob("*.*")]
    assert sum(file.stat().st_size for file in media if file.is_file()) < MOST_BYTES
