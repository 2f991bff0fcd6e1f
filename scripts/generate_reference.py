"""Writes docs/reference/configuration.md from the settings themselves, or checks that it is fresh (`--check`)."""

import argparse
import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from render_service.config import Settings

TARGET = Path(__file__).resolve().parent.parent / "docs/reference/configuration.md"
HEAD = """# Configuration

Settings come from environment variables, or from lines `NAME=value` of the file that `RENDER_CONFIG` names; the
environment wins. A wrong setting stops the start with one line that names it. `render-service doctor` tells whether
what the settings point at works.

| setting | default | meaning |
|---|---|---|
"""


def configuration() -> str:
    """Return the page."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias if isinstance(field.validation_alias, str) else name.upper()
        meaning = " ".join((field.description or "").removeprefix(f"{variable}: ").split())
        default = field.default
        if field.default_factory is not None:
            shown = "one per core"
        elif default is None or default is PydanticUndefined or default == ():
            shown = ""
        else:
            shown = f"`{default}`"
        rows.append(f"| `{variable}` | {shown} | {meaning[:1].upper()}{meaning[1:]} |")
    return HEAD + "\n".join(sorted(rows)) + "\n"


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 where the page is stale")
    if parser.parse_args().check:
        if TARGET.read_text(encoding="utf-8") == configuration():
            return 0
        print("stale: docs/reference/configuration.md (run `make generate`)", file=sys.stderr)
        return 1
    TARGET.write_text(configuration(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
