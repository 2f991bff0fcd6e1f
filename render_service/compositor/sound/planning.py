"""Plans the sound of a video: which file is heard when."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.segments.build_fingerprint import SOUND_ENTRY, build_fingerprint
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.sound.spec import (
    ClipTrack,
    FurtherSound,
    MusicTrack,
    NarrationTrack,
    SoundPart,
    SoundSpec,
)
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.model import layer_field
from render_service.domain.projects.looks.clips import ClipEdit, Playback
from render_service.domain.projects.looks.sounds import SoundClip, SoundRole, sound_field
from render_service.domain.projects.timeline import Timeline

# Shorter fades of a clip are heard as a click.
_DECLICK = SAMPLE_RATE // 100
# More samples than any file has.
_WHOLE = 2**40
# Music that fades out in less time than this seems cut off: then it begins to fade under the voice.
_SHORTEST_FADE = SAMPLE_RATE // 2


def plan_sound(timeline: Timeline, spec: RenderSpec, hashes: MediaHashes) -> SoundSpec:
    """Return what the sound of a video is made from.

    Args:
        timeline: When everything is heard.
        spec: The render.
        hashes: Hashes of its media.
    """
    total = timeline.frames * SAMPLE_RATE // timeline.fps
    return SoundSpec(
        build=build_fingerprint(SOUND_ENTRY),
        samples=total,
        container=spec.output.container,
        quality=spec.output.quality,
        narrations=tuple(_narrations(timeline, hashes, total)),
        clips=(*_clips(timeline, hashes), *_layer_clips(timeline, spec, hashes)),
        music=_music(spec, hashes, _after_voice(timeline)),
        loudness=spec.output.loudness,
        stems=spec.output.stems,
        sounds=tuple(_sounds(timeline, spec, hashes, total)),
    )


def heard_assets(spec: SoundSpec, assets: Mapping[str, Asset]) -> dict[str, Asset]:
    """Return the files that a sound is made from, by content hash."""
    tracks = (*spec.narrations, *spec.clips, *spec.sounds, *((spec.music,) if spec.music else ()))
    return {track.sound: assets[track.sound] for track in tracks}


def _narrations(timeline: Timeline, hashes: MediaHashes, total: int) -> Iterator[NarrationTrack]:
    per_frame = SAMPLE_RATE // timeline.fps
    for shot in timeline.shots:
        sound = hashes.shots.get(shot.shot_id, ShotHashes()).narration
        if sound is not None and shot.narration_frames:
            start = shot.narration_start * per_frame
            yield NarrationTrack(sound, start, min(start + shot.narration_frames * per_frame, total))


def _clips(timeline: Timeline, hashes: MediaHashes) -> Iterator[ClipTrack]:
    per_frame = SAMPLE_RATE // timeline.fps
    for shot in timeline.shots:
        sound = hashes.shots.get(shot.shot_id, ShotHashes()).clip
        edit, playback = shot.shot.clip or ClipEdit(), shot.playback
        # Nobody understands a voice that is played backwards.
        heard = shot.shot.clip_sound and edit.volume > 0 and not (playback and playback.reverse)
        if sound is not None and heard:
            rise, fall = (
                max(overlap * per_frame, _samples(fade), _DECLICK)
                for overlap, fade in ((shot.overlap_in, edit.fade_in), (shot.overlap_out, edit.fade_out))
            )
            part = _part(playback, timeline.fps) if playback else None
            yield ClipTrack(sound, shot.start * per_frame, shot.end * per_frame, rise, fall, edit.volume, part)


def _part(playback: Playback, fps: int) -> SoundPart:
    start = playback.start * SAMPLE_RATE // 1_000_000
    length = round(playback.frames * SAMPLE_RATE / fps * playback.speed)
    return SoundPart(start, length, playback.speed, playback.loops)


def _layer_clips(timeline: Timeline, spec: RenderSpec, hashes: MediaHashes) -> Iterator[ClipTrack]:
    """Yield the sound of clips in layers, each as long as its layer is seen."""
    fps, per_frame = timeline.fps, SAMPLE_RATE // timeline.fps
    holders = [
        (shot.shot.layers, hashes.shots.get(shot.shot_id, ShotHashes()).layers, shot.start, shot.frames)
        for shot in timeline.shots
    ]
    for layers, files, start, frames in (*holders, (spec.project.layers, hashes.layers, 0, timeline.frames)):
        heard = [
            (index, layer)
            for index, layer in enumerate(layers)
            if layer.group or (layer.clip is not None and layer.clip.sound)
        ]
        named = {
            layer_field(place, layer): files[layer_field(index, layer)]
            for place, (index, layer) in enumerate(heard)
            if layer.clip
        }
        for one in drawn_layers([layer for _, layer in heard], frames, fps, named, ""):
            first, last = ((start + number) * per_frame for number in (one.start, one.end))
            rise, fall = (max(number * per_frame, _DECLICK) for number in (one.enter, one.exit))
            yield ClipTrack(one.file, first, last, rise, fall)


def _sounds(timeline: Timeline, spec: RenderSpec, hashes: MediaHashes, total: int) -> Iterator[FurtherSound]:
    per_frame = SAMPLE_RATE // timeline.fps
    yield from (_sound(one, None, hashes.layers[field], total) for field, one in _named(spec.project.sounds))
    for shot in timeline.shots:
        files = hashes.shots.get(shot.shot_id, ShotHashes()).layers
        yield from (_sound(one, shot.start * per_frame, files[field], total) for field, one in _named(shot.shot.sounds))


def _named(sounds: Sequence[SoundClip]) -> Iterator[tuple[str, SoundClip]]:
    return ((sound_field(index), sound) for index, sound in enumerate(sounds) if sound.volume > 0)


def _sound(sound: SoundClip, shot_start: int | None, sha256: str, total: int) -> FurtherSound:
    """Return a sound of a shot that starts at a sample, or of the project."""
    follows = sound.start is None and sound.role is SoundRole.MUSIC and shot_start is None
    length = None if sound.duration is None else _samples(sound.duration)
    start = _samples(sound.offset)
    # A part that loops is as long as its file, of which the mix knows the length.
    part = SoundPart(start, _WHOLE, loops=sound.loop)
    return FurtherSound(
        sound=sha256,
        role=sound.role,
        start=None if follows else min(total, (shot_start or 0) + _samples(sound.start or timedelta(0))),
        length=length,
        part=part,
        volume=sound.volume,
        fade_in=max(_samples(sound.fade_in), _DECLICK),
        fade_out=max(_samples(sound.fade_out), _DECLICK),
    )


def _after_voice(timeline: Timeline) -> int | None:
    """Return the samples between the end of the last narration and that of the video; None without narration."""
    ends = [shot.narration_start + shot.narration_frames for shot in timeline.shots if shot.narration_frames]
    return max(0, timeline.frames - max(ends)) * SAMPLE_RATE // timeline.fps if ends else None


def _music(spec: RenderSpec, hashes: MediaHashes, after_voice: int | None) -> MusicTrack | None:
    music = spec.project.music
    if music is None or hashes.music is None or music.volume == 0:
        return None
    fade_in, fade_out = _samples(music.fade_in), _samples(music.fade_out)
    if after_voice is not None and after_voice >= _SHORTEST_FADE:
        fade_out = min(fade_out, after_voice)
    return MusicTrack(hashes.music, music.volume, music.loop, fade_in, fade_out, music.duck)


def _samples(duration: timedelta) -> int:
    return round(duration.total_seconds() * SAMPLE_RATE)
