"""Writes what a video is cut from as OpenTimelineIO, for editing programs.

The tracks of pictures are the shots, and above them their layers, the topmost last; those of sound are narrations,
music and other sounds. A shot that shows a file of the caller's refers to it by its URI; what the service draws or a
provider makes refers to the finished video.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from opentimelineio.opentime import RationalTime, TimeRange
from opentimelineio.schema import (
    Clip,
    ExternalReference,
    Gap,
    GeneratorReference,
    LinearTimeWarp,
    Marker,
    Stack,
    Timeline,
    Track,
    TrackKind,
    Transition,
    TransitionTypes,
)

from render_service.compositor.encoding.chapter import Chapter
from render_service.domain.canonical import canonical_bytes
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import Layer
from render_service.domain.projects import timeline as planned
from render_service.domain.projects.looks.sounds import SoundClip, SoundRole
from render_service.domain.projects.project import TransitionKind
from render_service.domain.projects.shot_source import BackgroundSource, ClipSource, StillSource

_NAMESPACE = "render"
_MICROSECOND = timedelta(microseconds=1)


def write_editing_timeline(
    timeline: planned.Timeline, spec: RenderSpec, chapters: Sequence[Chapter], video: str, path: Path
) -> None:
    """Write what a video is cut from.

    Args:
        timeline: Which shot is seen when.
        spec: The render.
        chapters: The markers.
        video: File name of the finished video.
        path: The file to write.
    """
    cut = _Cut(timeline, spec, video)
    edited = Timeline(name=spec.project.title or Path(video).stem)
    edited.metadata[_NAMESPACE] = {"width": spec.output.width, "height": spec.output.height, "fps": timeline.fps}
    pictures = [cut.shots(), *cut.layers()]
    for chapter in chapters:
        marked = cut.range(chapter.start, chapter.end - chapter.start)
        pictures[0].markers.append(Marker(name=chapter.title, marked_range=marked))
    edited.tracks = Stack("tracks", [*pictures, *cut.sounds()])
    path.write_text(edited.to_json_string(indent=1), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Placed:
    """An item that a track holds from one frame up to, but not including, another."""

    start: int
    end: int
    item: Clip


@dataclass(frozen=True, slots=True)
class _Cut:
    timeline: planned.Timeline
    spec: RenderSpec
    video: str

    def range(self, start: float, frames: int) -> TimeRange:
        """Return a stretch of time that begins at a frame and lasts some frames."""
        return TimeRange(self._time(start), self._time(frames))

    def shots(self) -> Track:
        """Return the shots, each up to the middle of the transition to the next."""
        track = Track("Shots", kind=TrackKind.Video)
        for shot in self.timeline.shots:
            before = shot.overlap_in // 2
            if shot.overlap_in:
                is_dissolve = shot.transition is TransitionKind.CROSS_FADE
                kind = TransitionTypes.SMPTE_Dissolve if is_dissolve else TransitionTypes.Custom
                lengths = self._time(before), self._time(shot.overlap_in - before)
                track.append(Transition(shot.transition.value, kind, *lengths))
            # What the next shot overlaps belongs to this one up to the middle.
            after = shot.overlap_out - shot.overlap_out // 2
            track.append(self._shot(shot, shot.start + before, shot.frames - before - after))
        return track

    def layers(self) -> list[Track]:
        """Return the cards, the layers of shots, and those of the whole video; a track holds one at a time."""
        levels: dict[tuple[bool, int], list[_Placed]] = {}
        for shot in self.timeline.shots:
            for level, layer in enumerate(shot.shot.layers):
                levels.setdefault((False, level), []).extend(self._layer(layer, shot.start, shot.end))
        for level, layer in enumerate(self.spec.project.layers):
            levels[True, level] = list(self._layer(layer, 0, self.timeline.frames))
        tracks = list(self._tracks("Cards", TrackKind.Video, list(self._cards())))
        for over_all, level in sorted(levels):
            name = f"{'Video' if over_all else 'Shot'} layer {level + 1}"
            tracks += self._tracks(name, TrackKind.Video, levels[over_all, level])
        return tracks

    def _cards(self) -> Iterator[_Placed]:
        """Yield the cards that lie over pictures; backgrounds are drawn with theirs."""
        for shot in self.timeline.shots:
            if shot.shot.card is not None and not isinstance(shot.source, BackgroundSource):
                facts = json.loads(canonical_bytes(shot.shot.card))
                drawn = GeneratorReference(name="card", generator_kind=f"{_NAMESPACE}.card", parameters=facts)
                item = Clip("card", drawn, self.range(0, shot.frames), {_NAMESPACE: {"shot_id": shot.shot_id}})
                yield _Placed(shot.start, shot.end, item)

    def sounds(self) -> list[Track]:
        """Return narrations, music and other sounds."""
        project, frames = self.spec.project, self.timeline.frames
        heard: dict[str, list[_Placed]] = {"Narration": [], "Music": [], "Sounds": []}
        for shot in self.timeline.shots:
            if shot.narration_frames:
                heard["Narration"].append(self._narration(shot))
            heard["Sounds"] += self._sounds(shot.shot.sounds, shot.start)
        if project.music is not None:
            music = self._file(project.music.uri, 0, frames, "Music", {"volume": project.music.volume})
            heard["Music"].append(_Placed(0, frames, music))
        roles = {role: [sound for sound in project.sounds if sound.role is role] for role in SoundRole}
        heard["Music"] += self._sounds(roles[SoundRole.MUSIC], 0)
        heard["Sounds"] += self._sounds((*roles[SoundRole.VOICE], *roles[SoundRole.EFFECT]), 0)
        return [track for name, placed in heard.items() for track in self._tracks(name, TrackKind.Audio, placed)]

    def _shot(self, shot: planned.TimelineShot, start: int, frames: int) -> Clip:
        source, playback = shot.source, shot.playback
        facts = {"shot_id": shot.shot_id, "motion": str(shot.motion.kind)}
        if isinstance(source, StillSource) and source.uri:
            return self._file(source.uri, start - shot.start, frames, shot.shot_id, facts)
        stands = playback is not None and (playback.loops or playback.freeze is not None)
        if not isinstance(source, ClipSource) or stands:
            return self._file(self.video, start, frames, shot.shot_id, facts)
        speed = playback.speed if playback is not None else 1.0
        begins = playback.start * self.timeline.fps / 1_000_000 if playback is not None else 0.0
        clip = self._file(source.uri, begins + (start - shot.start) * speed, frames, shot.shot_id, facts)
        scalar = -speed if playback is not None and playback.reverse else speed
        if scalar != 1:
            clip.effects.append(LinearTimeWarp(time_scalar=scalar))
        return clip

    def _narration(self, shot: planned.TimelineShot) -> _Placed:
        start, frames = shot.narration_start, min(shot.narration_frames, self.timeline.frames - shot.narration_start)
        recorded = shot.shot.narration_audio_uri
        facts = {"shot_id": shot.shot_id, "text": shot.shot.narration}
        spoken = "narration.flac" if self.spec.output.stems else self.video
        clip = self._file(recorded or spoken, 0 if recorded else start, frames, shot.shot_id, facts)
        return _Placed(start, start + frames, clip)

    def _sounds(self, sounds: Iterable[SoundClip], begins: int) -> Iterator[_Placed]:
        after = begins
        for sound in sounds:
            follows = sound.start is None and sound.role is SoundRole.MUSIC
            start = after if follows else begins + self._frames(sound.start or timedelta(0))
            end = self.timeline.frames
            if sound.duration is not None:
                end = min(end, start + self._frames(sound.duration))
            if start < end:
                facts = {"role": sound.role.value, "volume": sound.volume}
                offset = sound.offset / timedelta(seconds=1) * self.timeline.fps
                yield _Placed(start, end, self._file(sound.uri, offset, end - start, sound.role.value, facts))
            after = end

    def _layer(self, layer: Layer, begins: int, ends: int) -> Iterator[_Placed]:
        start = begins + self._frames(layer.start)
        end = ends if layer.duration is None else min(ends, start + self._frames(layer.duration))
        if start >= end:
            return
        facts = json.loads(canonical_bytes(layer))
        kind = next((name for name in ("text", "picture", "shape", "clip", "group") if facts.get(name)), "")
        named = layer.picture or layer.clip
        if named is not None:
            item = self._file(named.uri, 0, end - start, layer.id, {"layer": facts})
        else:
            drawn = GeneratorReference(name=layer.id, generator_kind=f"{_NAMESPACE}.{kind}", parameters=facts[kind])
            item = Clip(layer.id, drawn, self.range(0, end - start), {_NAMESPACE: {"layer": facts}})
        yield _Placed(start, end, item)

    def _tracks(self, name: str, kind: str, placed: Sequence[_Placed]) -> Iterator[Track]:
        """Yield as many tracks as what is heard or seen at once needs."""
        rows: list[list[_Placed]] = []
        for one in sorted(placed, key=lambda one: one.start):
            row = next((row for row in rows if row[-1].end <= one.start), None)
            if row is None:
                rows.append([one])
            else:
                row.append(one)
        for number, row in enumerate(rows):
            track = Track(name if number == 0 else f"{name} ({number + 1})", kind=kind)
            end = 0
            for one in row:
                if one.start > end:
                    track.append(Gap(source_range=self.range(0, one.start - end)))
                track.append(one.item)
                end = one.end
            yield track

    def _file(self, uri: str, start: float, frames: int, name: str, facts: Mapping[str, Any]) -> Clip:
        return Clip(name, ExternalReference(uri), self.range(start, frames), {_NAMESPACE: dict(facts)})

    def _frames(self, duration: timedelta) -> int:
        return planned.frames_in(duration, self.timeline.fps)

    def _time(self, frames: float) -> RationalTime:
        return RationalTime(frames, self.timeline.fps)
