"""The how-to about relays shows the files that are tested, and they are small enough to copy."""

from pathlib import Path

import pytest

from scripts.documents import ROOT, blocks, read

PAGE = Path("docs/how-to/relay-progress.md")
SHOWN = {block.attributes["file"]: block.text for block in blocks(read(PAGE)) if "file" in block.attributes}
RELAYS = {path.name: path for path in (ROOT / "examples" / "relays").glob("*.py")}


def test_all_relays_are_shown() -> None:
    assert SHOWN.keys() == RELAYS.keys()


@pytest.mark.parametrize("name", sorted(RELAYS))
def test_a_relay_is_shown_as_it_is_and_is_small(name: str) -> None:
    assert SHOWN[name] == RELAYS[name].read_text(encoding="utf-8")
    assert len(SHOWN[name].splitlines()) < 80
