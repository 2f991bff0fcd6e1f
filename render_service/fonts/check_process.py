"""The inside of the process that checks one font file: confined, limited, and ended afterwards.

Standard input holds the name of the family as JSON in one line, then the file. Standard output gets a line once the
process is ready, a line of JSON, and the new file.
"""

import json
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from render_service.confinement.confine import confine
from render_service.fonts.faults import FontRefused

MEMORY_BYTES = 1024 * 1024 * 1024
"""Of private memory. A font of 10 MiB with 20,000 Chinese characters takes a third."""
CPU_SECONDS = 60
"""Of processor time. Such a font takes a third."""
READY = b"ready\n"
"""What ends the process from here on is the font's fault."""
_OPEN_FILES = 64


def main() -> None:
    """Check the font file on standard input."""
    from render_service.fonts.drawing import check_drawing  # noqa: PLC0415 - after the limits are set
    from render_service.fonts.sanitizer import sanitize  # noqa: PLC0415

    # Nothing that was sent is read before this. Files beside those of Python can neither be read nor changed.
    confine(Path("/dev/null"))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    family = json.loads(sys.stdin.buffer.readline())["family"]
    content = sys.stdin.buffer.read()
    try:
        checked = sanitize(content, family)
        check_drawing(checked.content)
    except FontRefused as refused:
        _answer({"refused": refused.fault})
    except MemoryError:
        _answer({"refused": "takes more memory to read than any good font; export the font again"})
    except Exception:  # noqa: BLE001 - whatever a file does to its parser, it is refused
        _answer({"refused": "is damaged; export the font again"})
    else:
        described = {"facts": asdict(checked.facts), "sha256": checked.sha256, "dropped": checked.dropped}
        _answer(described, checked.content)


def _answer(described: Mapping[str, object], content: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(described).encode() + b"\n" + content)
    sys.stdout.buffer.flush()


def _limit() -> None:
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: _OPEN_FILES, resource.RLIMIT_CPU: CPU_SECONDS}
    if sys.platform == "linux":  # elsewhere the limit is not enforced
        limits[resource.RLIMIT_DATA] = MEMORY_BYTES
    for which, most in limits.items():
        _, hard = resource.getrlimit(which)
        lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (lowest, lowest))


if __name__ == "__main__":
    _limit()
    main()
