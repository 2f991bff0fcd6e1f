"""The media page lists every combination that is tested, every refused format, and every fault."""

import re
from pathlib import Path

import pytest

from render_service.compositor.media.assets import AssetFault
from render_service.domain.projects.file_signatures import sniff
from scripts.documents import read
from tests.integration.compositor.test_media_table import CASES, Case

PAGE = read(Path("docs/reference/media.md"))
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
# First bytes of formats that are recognised and not supported.
UNSUPPORTED = {
    "an icon": b"\0\0\x01\0",
    "Photoshop": b"8BPS",
    "JPEG XL": b"\xff\x0a",
    "JPEG 2000": b"\0\0\0\x0cjP  ",
    "Canon raw": b"\0\0\0\x18ftypcrx ",
    "WavPack": b"wvpk",
    "MIDI": b"MThd",
    "RealMedia": b".RMF",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_page_lists_each_tested_combination(case: Case) -> None:
    rows = [row for row in ROWS if len(row) == 3 and row[0].partition(", ")[0] == case.container]
    assert len(rows) == 1
    _, video, sound = rows[0]
    assert case.video in video.split(", ")
    assert (case.sound or "none") in sound.split(", ")


@pytest.mark.parametrize("fault", AssetFault)
def test_the_page_explains_each_fault(fault: AssetFault) -> None:
    assert any(f"`{fault.value}`" in row[0] for row in ROWS)


@pytest.mark.parametrize(("name", "head"), UNSUPPORTED.items())
def test_formats_that_the_page_calls_unsupported_are_refused(name: str, head: bytes) -> None:
    kind = sniff(head + bytes(64))
    assert (kind.name, kind.reader) == (name, None)
    assert name in re.split(r"[,.:]\s", PAGE.partition("Recognised and not supported: ")[2].replace("\n", " "))
