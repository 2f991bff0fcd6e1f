"""The key by which the ledger finds a clip that has been generated before."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

from render_service.domain.generation.clip_plan import ClipSpec


def spec_key(spec: ClipSpec, picture: str, options: Mapping[str, object]) -> bytes:
    """Return the SHA-256 of everything that a clip depends on, except its workspace: equal specs make the same clip.

    Args:
        spec: The clip. The shot's id is not part of the key, since a shot may be renamed.
        picture: SHA-256 of the picture it starts from; empty for none.
        options: Options passed to the provider.
    """
    content = {
        "provider": spec.model.provider,
        "model": spec.model.name,
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "seed": spec.seed,
        "picture": picture,
        "shape": spec.shape_name,
        "fps": spec.fps if spec.model.takes_fps else 0,
        "milliseconds": spec.duration // timedelta(milliseconds=1),
        "options": options,
        "copy": spec.copy,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).digest()
