"""The stages of a composition: inspect its files, plan it, draw its stills, join it, verify it.

They run in worker processes; everybody else calls them through `tasks`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from render_service.compositor.captions.reading_speed import speed_warnings
from render_service.compositor.captions.recognized import fit_recognized, recognized_shots
from render_service.compositor.captions.sidecars import write_srt, write_vtt, write_words
from render_service.compositor.captions.word_warnings import word_warnings
from render_service.compositor.drawing.still import write_still
from render_service.compositor.encoding.chapter import Chapter
from render_service.compositor.encoding.codecs import segment_codec
from render_service.compositor.encoding.gif import write_gif
from render_service.compositor.encoding.muxing import MuxInput, SoundInput, mux
from render_service.compositor.encoding.sprite_sheet import SpriteSheet
from render_service.compositor.encoding.sprites import write_sprites
from render_service.compositor.encoding.thumbnails import write_thumbnails
from render_service.compositor.encoding.webp import write_webp
from render_service.compositor.encoding.webvtt import write_chapters, write_thumbnail_times
from render_service.compositor.faces.search import faces_in_clip, faces_in_image
from render_service.compositor.inspected_file import InspectedFile, Use
from render_service.compositor.lotties.playing import probe_lottie
from render_service.compositor.luts.applying import load_table
from render_service.compositor.media.assets import Asset, AssetFault, clip_asset, narration_asset
from render_service.compositor.media.probing import probe_clip, probe_image, probe_sound
from render_service.compositor.planning import plan_picture, plan_pictures, shown_sources
from render_service.compositor.segments.content_hashes import name_media
from render_service.compositor.segments.layers import layer_warnings
from render_service.compositor.segments.stills import Still, chosen_stills, still_at
from render_service.compositor.shared_folder import (
    CHAPTERS_NAME,
    THUMBNAIL_TIMES_NAME,
    THUMBNAILS_NAME,
    TIMELINE_NAME,
    Plan,
    Request,
    SegmentRef,
    segment_file,
    sound_file,
    sound_spec_file,
    spec_file,
    video_name,
)
from render_service.compositor.sound.pauses import PauseFinder
from render_service.compositor.sound.planning import heard_assets, plan_sound
from render_service.compositor.sound.spec import SoundFacts
from render_service.compositor.text.drawn_texts import caption_text, clean_text
from render_service.compositor.text.glyph_coverage import check_glyphs
from render_service.compositor.text.shortening import shortened
from render_service.compositor.text.uploaded_files import provide_font_files
from render_service.compositor.verification.ai_label import check_label
from render_service.compositor.verification.video import check_video
from render_service.domain.canonical import canonical_bytes
from render_service.domain.cards.model import card_title
from render_service.domain.errors import RenderFailure
from render_service.domain.jobs.frame import FrameFacts, FramePosition
from render_service.domain.jobs.frame_number import frame_number
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.ai_label import METADATA_KEY, label_metadata
from render_service.domain.projects.delivery.length_rules import longest_video, poster_frame
from render_service.domain.projects.languages import spoken_language
from render_service.domain.projects.looks.faces import FacesAt, FaceSearch
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import Container
from render_service.domain.projects.plan_warnings import plan_warnings
from render_service.domain.projects.sequence import INTRO_ID
from render_service.domain.projects.shot_source import CardSource, PlaceholderSource
from render_service.domain.projects.timeline import Timeline, TimelineShot, dubbed, plan_timeline
from render_service.domain.warning import WarningCode, warning_from_failure

_CHAPTER_TITLE = 60


def inspect_file(asset: Asset, use: Use) -> InspectedFile:
    """Hash and probe a file for its use.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used.
    """
    with asset.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    match use:
        case Use.IMAGE:
            size = probe_image(asset)
            return InspectedFile(sha256, None, size=size)
        case Use.CLIP | Use.SILENT_CLIP:
            clip = probe_clip(asset, is_heard=use is Use.CLIP)
            return InspectedFile(sha256, clip.duration, gaps=clip.gaps, size=(clip.width, clip.height))
        case Use.LOTTIE:
            return InspectedFile(sha256, None, size=probe_lottie(asset))
        case Use.LUT:
            load_table(asset)
            return InspectedFile(sha256, None)
        case Use.SOUND:
            repairs: list[RenderFailure] = []
            finder = PauseFinder()
            length = probe_sound(asset, warn=repairs.append, listen=finder.add)
            warnings = (warning_from_failure(WarningCode.ASSET_REPAIRED, repair) for repair in repairs)
            return InspectedFile(sha256, length, finder.pauses(), warnings=tuple(warnings))


def search_faces(asset: Asset, file: InspectedFile, search: FaceSearch) -> tuple[FacesAt, ...]:
    """Search an inspected picture or clip for faces.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    if file.length is None:
        return faces_in_image(asset)
    assert file.size is not None
    return faces_in_clip(asset, search, file.size, file.gaps)


def plan_composition(parts: Path, srt: Path, vtt: Path, words: Path) -> Plan:
    """Plan the composition whose request lies in a folder; write all specs there, the captions and the words.

    Args:
        parts: The folder.
        srt: Where the captions go as SubRip.
        vtt: Where they go as WebVTT.
        words: Where the spoken words go as JSON.

    Raises:
        RenderFailure: GLYPH_MISSING; ASSET_INVALID where the files make the video too long, or a clip is too short;
            INVALID_FIELD where it is over by the time that the poster is to show.
    """
    request = _request(parts)
    spec, timeline = request.spec, fit_recognized(_timeline(request), request.media.shots)
    _check_length(timeline, spec, request.facts)
    _check_clip_starts(spec, request.facts)
    poster = _chosen_poster(timeline, spec)
    replaced = check_glyphs(spec, _cards(timeline))
    hashes = name_media(request.media, request.hashes)
    recognized, rendition = recognized_shots(request.media.shots), spec.output if request.drawn else None
    cues, planned = plan_pictures(request.pictures, timeline, hashes, request.facts, recognized, rendition=rendition)
    for segment in planned:
        spec_file(parts, segment.job.key).write_bytes(segment.job.spec)
    write_srt(cues, spec, srt)
    write_vtt(cues, spec, vtt)
    methods = {shot_id: files.timing for shot_id, files in request.media.shots.items() if files.timing is not None}
    write_words(timeline, words, methods)
    has_sound = not spec.output.container.is_animation
    sounds = [plan_sound(timeline, spec, hashes)]
    for place in range(len(request.media.dubs)):
        spoken = dubbed(timeline, spec.project, request.facts, place)
        # The parts of the main track are stored alone: the others differ in the voice.
        sounds.append(replace(plan_sound(spoken, spec, hashes.dubbed(place)), stems=False))
    for track, sound in enumerate(sounds):
        sound_spec_file(parts, track).write_bytes(sound.to_bytes())
    stills, chapters = chosen_stills(timeline, planned), _chapters(timeline, spec)
    if spec.output.sidecars.chapters:
        write_chapters(chapters, timeline.fps, parts / CHAPTERS_NAME)
    if spec.output.sidecars.timeline:
        from render_service.compositor.editing_timeline import write_editing_timeline  # noqa: PLC0415 - few ask for it

        write_editing_timeline(timeline, spec, chapters, video_name(spec.output), parts / TIMELINE_NAME)
    sprites, thumbnails = None, tuple[Still, ...]()
    if spec.output.sidecars.thumbnails:
        sprites = SpriteSheet.of(timeline.frames, timeline.fps, spec.output.width, spec.output.height)
        shown = (sprites.frame(index, timeline.frames, timeline.fps) for index in range(sprites.count))
        thumbnails = tuple(still_at(planned, frame) for frame in shown)
    plan = Plan(
        frames=timeline.frames,
        segments=tuple(
            SegmentRef(segment.job.key, segment.job.frames, tuple(segment.job.assets)) for segment in planned
        ),
        stills=stills,
        poster=stills[_poster_shot(timeline)] if poster is None else still_at(planned, poster),
        sprites=sprites,
        thumbnails=thumbnails,
        chapters=chapters,
        has_sound=has_sound,
        sounds=tuple(tuple(heard_assets(sound, hashes.assets)) for sound in sounds) if has_sound else (),
        warnings=(
            *plan_warnings(spec.project, timeline, request.facts if has_sound else {}),
            *replaced,
            *speed_warnings(spec.project, cues, timeline.fps),
            *word_warnings(spec),
            *layer_warnings(spec.project, timeline),
        ),
    )
    (parts / "plan.json").write_bytes(canonical_bytes(plan))
    return plan


def check_request(parts: Path, gets_clips: bool) -> None:
    """Check all that can be known of a request while some of its clips or narrations are still to be made.

    Args:
        parts: The folder of the request.
        gets_clips: Whether a clip is generated for each shot without a picture; otherwise it becomes a card.

    Raises:
        RenderFailure: GLYPH_MISSING; ASSET_INVALID where the files make the video too long, or a clip is too short;
            INVALID_FIELD where it is over by the time that the poster is to show.
    """
    request = _request(parts)
    timeline = _timeline(request)
    _check_length(timeline, request.spec, request.facts)
    _check_clip_starts(request.spec, request.facts)
    _chosen_poster(timeline, request.spec)
    check_glyphs(request.spec, () if gets_clips else _cards(timeline))


def draw_frame(parts: Path, wanted: FramePosition, path: Path) -> FrameFacts:
    """Draw one frame of the composition whose request lies in a folder, as its video will show it.

    Args:
        parts: The folder; what is drawn for the frame stays there.
        wanted: Which frame.
        path: The picture file to write.

    Returns:
        Where the frame lies.

    Raises:
        RenderFailure: GLYPH_MISSING; ASSET_INVALID; INVALID_FIELD for a time beyond the end, or a shot without a frame
            of its own.
    """
    request = _request(parts)
    spec, timeline = request.spec, _timeline(request)
    _check_length(timeline, spec, request.facts)
    _check_clip_starts(spec, request.facts)
    check_glyphs(spec, _cards(timeline))
    number = frame_number(timeline, wanted)
    hashes = name_media(request.media, request.hashes)
    segment, place = plan_picture(spec, timeline, hashes, request.facts, number)
    write_still(segment.job, place, parts, wanted.image, path)
    return FrameFacts(number, timeline.shots[segment.shot_index].shot_id, timeline.frames)


def draw_thumbnails(parts: Path, poster: Path, sheet: Path) -> None:
    """Write poster and contact sheet, once the segments of `Plan.stills` and `Plan.poster` are made."""
    plan = Plan.read(parts)
    stills = [(segment_file(parts, key), frame) for key, frame in plan.stills]
    key, frame = plan.poster
    write_thumbnails(stills, (segment_file(parts, key), frame), poster, sheet)


def draw_sprites(parts: Path) -> None:
    """Write the sprite sheet and its times, once all segments are made; nothing where none is asked for."""
    plan = Plan.read(parts)
    if plan.sprites is None:
        return
    shown = [(segment_file(parts, key), frame) for key, frame in plan.thumbnails]
    write_sprites(plan.sprites, shown, parts / THUMBNAILS_NAME)
    fps = _request(parts).spec.output.fps
    write_thumbnail_times(plan.sprites, plan.frames, fps, THUMBNAILS_NAME, parts / THUMBNAIL_TIMES_NAME)


def join_composition(parts: Path, path: Path) -> None:
    """Write the video, once all segments and the sound are made."""
    request, plan = _request(parts), Plan.read(parts)
    output = request.spec.output
    segments = [(segment_file(parts, segment.key), segment.frames) for segment in plan.segments]
    if output.container.is_animation:
        files = [segment for segment, _ in segments]
        if output.container is Container.GIF:
            write_gif(files, output.fps, plan.frames, path)
        else:
            write_webp(files, output.fps, output.quality, path)
        return
    codec, title = segment_codec(output.container, output.codec), request.spec.project.title
    sounds = [SoundInput(sound_file(parts))]
    if request.media.dubs:
        languages = (spoken_language(request.spec.project), *(dub.language for dub in request.media.dubs))
        sounds = [SoundInput(sound_file(parts, track), language) for track, language in enumerate(languages)]
    label, tags = output.ai_label, {}
    if label is not None:
        tags[METADATA_KEY] = label_metadata(label, request.content_id)
    mux(MuxInput(segments, sounds, output.fps, output.container, codec, plan.chapters, title, tags), path)


def verify_composition(parts: Path, path: Path, sounds: Sequence[SoundFacts]) -> dict[str, Any]:
    """Check the finished video; see `check_video`."""
    request = _request(parts)
    sound, timeline = sounds[0] if sounds else None, _timeline(request)
    found = check_video(path, timeline, request.spec, request.media, sound, dubs=sounds[1:])
    return found | check_label(path, request.spec, timeline.frames, request.content_id, request.drawn)


def _request(parts: Path) -> Request:
    """Return the request that lies in a folder, and draw with its fonts from here on."""
    request = Request.read(parts)
    provide_font_files(request.media.fonts)
    return request


def _cards(timeline: Timeline) -> list[str]:
    """Return the ids of the shots that have no picture."""
    return [shot.shot_id for shot in timeline.shots if isinstance(shot.source, PlaceholderSource)]


def _timeline(request: Request) -> Timeline:
    """Return which shot is seen when."""
    spec = request.spec
    return plan_timeline(spec.project, spec.output.fps, request.facts, shown_sources(spec.project, request.media))


def _check_length(timeline: Timeline, spec: RenderSpec, facts: Mapping[str, MediaFacts]) -> None:
    """Hold the limit of a video's length for what the files turned out to be.

    Raises:
        RenderFailure: ASSET_INVALID for the longest shot.
    """
    most = longest_video(spec.output)
    if timeline.frames > most * timeline.fps:
        raise _too_long(max(timeline.shots, key=lambda shot: shot.frames), facts, most)


def _check_clip_starts(spec: RenderSpec, facts: Mapping[str, MediaFacts]) -> None:
    """Refuse clips that would be played from beyond their end.

    Raises:
        RenderFailure: ASSET_INVALID for the first of them.
    """
    for shot in spec.project.shots:
        length = facts.get(shot.id, MediaFacts()).clip
        if shot.clip is not None and length is not None and shot.clip.start >= length:
            what = (
                f"lies beyond the end of the clip, which lasts {length.total_seconds():.3g} s; choose an earlier start"
            )
            raise Asset(Path(), "clip.start", shot.id).invalid(AssetFault.TRUNCATED, what)


def _too_long(longest: TimelineShot, facts: Mapping[str, MediaFacts], most: int) -> RenderFailure:
    shot_id, nowhere = longest.shot_id, Path()
    found = facts.get(shot_id, MediaFacts())
    limit = f"{most / 3600:g} hours" if most >= 3600 else f"{most / 60:g} minutes"
    if found.clip is None and found.narration is None:
        asset = Asset(nowhere, "caption" if longest.shot.caption else "narration", shot_id)
        what = f"to read all texts takes longer than {limit}; shorten them, or set durations"
    else:
        narrated = found.narration is not None and (found.clip is None or found.narration > found.clip)
        asset = narration_asset(shot_id, nowhere) if narrated else clip_asset(shot_id, nowhere)
        what = f"the file makes the video longer than {limit}; shorten it, or set the duration"
    return asset.invalid(AssetFault.TOO_LONG, what)


def _chosen_poster(timeline: Timeline, spec: RenderSpec) -> int | None:
    """Return the frame that is chosen for the poster; None where the choice is ours."""
    time = spec.output.poster_time
    return None if time is None else poster_frame(timeline, time)


def _poster_shot(timeline: Timeline) -> int:
    """Return the shot that the poster shows: the title card, else the first of the storyboard."""
    return next((shot.index for shot in timeline.shots if shot.shot_id != INTRO_ID), 0)


def _chapters(timeline: Timeline, spec: RenderSpec) -> tuple[Chapter, ...]:
    """Return a chapter for each shot, from the middle of its way in."""
    starts = [shot.start + shot.overlap_in // 2 for shot in timeline.shots]
    ends = [*starts[1:], timeline.frames]
    ids, titles = [shot.shot_id for shot in timeline.shots], []
    for shot in timeline.shots:
        card = shot.source.card.title if isinstance(shot.source, CardSource) else ""
        if shot.shot.card is not None:
            card = clean_text(card_title(shot.shot.card))
        text = card or caption_text(spec.project, shot.shot) or clean_text(shot.shot.visual_description)
        titles.append(shortened(text, _CHAPTER_TITLE) or shot.shot_id.removeprefix("@").capitalize())
    return tuple(Chapter(*chapter) for chapter in zip(titles, starts, ends, ids, strict=True))
