"""A mix is cached by everything that it is made from: no field of its spec can be forgotten in the key."""

import asyncio
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from render_service.compositor.sound.cache import SoundCache
from render_service.compositor.sound.spec import (
    ClipTrack,
    FurtherSound,
    MusicTrack,
    NarrationTrack,
    SoundFacts,
    SoundPart,
    SoundSpec,
)
from render_service.domain.projects.looks.sounds import SoundRole
from render_service.domain.projects.output import Container, Loudness, Quality

SPEC = SoundSpec(
    "build",
    96_000,
    Container.MP4,
    Quality.STANDARD,
    (NarrationTrack("n", 0, 48_000),),
    (ClipTrack("c", 0, 96_000, 480, 480),),
    MusicTrack("m", 0.3, True, 24_000, 96_000, True),
)
OTHER: dict[str, Any] = {
    "build": "another",
    "samples": 1,
    "container": Container.WEBM,
    "quality": Quality.HIGH,
    "narrations": (),
    "clips": (),
    "music": None,
    "loudness": Loudness.BROADCAST,
    "stems": True,
    "sounds": (FurtherSound("d" * 64, SoundRole.EFFECT, 0, None, SoundPart(0, 1), 1.0, 0, 0),),
}


class DictStore:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get(self, key: str, path: Path) -> bool:
        if key in self.kept:
            path.write_bytes(self.kept[key])
        return key in self.kept

    async def put(self, key: str, path: Path) -> None:
        self.kept[key] = path.read_bytes()


def keys_of(spec: SoundSpec, folder: Path) -> set[str]:
    store = DictStore()
    sound = folder / "sound"
    sound.write_bytes(b"sound")
    asyncio.run(SoundCache(store, spec.to_bytes()).put(sound, SoundFacts(False, -14.0, -1.0, "packets")))
    return set(store.kept)


@pytest.mark.parametrize("name", [field.name for field in fields(SoundSpec)])
def test_every_field_changes_the_key(name: str, tmp_path: Path) -> None:
    assert keys_of(SPEC, tmp_path) == keys_of(replace(SPEC), tmp_path)
    assert keys_of(SPEC, tmp_path).isdisjoint(keys_of(replace(SPEC, **{name: OTHER[name]}), tmp_path))


def test_the_key_covers_every_field_of_every_track() -> None:
    assert json.loads(SPEC.to_bytes()) == json.loads(json.dumps(asdict(SPEC)))


@dataclass(frozen=True, slots=True)
class WiderSpec(SoundSpec):
    """The spec of a later version, with one more field."""

    reverb: float = 0.0


def test_a_field_that_is_added_later_changes_the_key(tmp_path: Path) -> None:
    wider = WiderSpec(*(getattr(SPEC, field.name) for field in fields(SPEC)))
    keys = [keys_of(SPEC, tmp_path), keys_of(wider, tmp_path), keys_of(replace(wider, reverb=0.5), tmp_path)]
    assert len(set().union(*keys)) == 6


def test_a_spec_is_read_back_as_it_was_written() -> None:
    assert SoundSpec.from_bytes(SPEC.to_bytes()) == SPEC
