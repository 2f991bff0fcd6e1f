"""A segment to be made, as it is handed to what makes it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from render_service.compositor.media.assets import Asset


@dataclass(frozen=True)
class SegmentJob:
    """A segment to be made.

    Args:
        spec: What it is made of, in canonical form.
        assets: The local files its sources name, by content hash.
        frames: Its length, for scheduling and progress.
    """

    spec: bytes
    assets: Mapping[str, Asset]
    frames: int

    @cached_property
    def key(self) -> str:
        """The segment's name: the SHA-256 of its spec, 64 hexadecimal digits."""
        return hashlib.sha256(self.spec).hexdigest()


def build_of(spec: bytes) -> str:
    """Return the build that a spec in canonical form was made for.

    Raises:
        ValueError: The spec is no JSON.
        KeyError: It names no build.
    """
    build: str = json.loads(spec)["build"]
    return build
