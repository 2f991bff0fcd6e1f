"""Cuts a timeline into segments: bodies of shots, in slices where they are long, and the transitions between them."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Self, assert_never

from render_service.compositor.encoding.codecs import segment_codec
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.segments.layers import DrawnLayer, drawn_layers, seen_layers
from render_service.compositor.segments.marks import DrawnMark
from render_service.compositor.segments.shot_layers import Sizes, shot_layers
from render_service.compositor.segments.slices import cut_clip, cut_still
from render_service.compositor.segments.spec import (
    DrawnCard,
    DrawnClip,
    DrawnSource,
    DrawnStill,
    SegmentSpec,
    ShotStretch,
)
from render_service.compositor.text.drawn_texts import clean_text, render_language
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.brand import Brand, BrandColors, BrandFonts
from render_service.domain.layers.uploaded_fonts import PINNED, is_font_field, pinned_files
from render_service.domain.projects.media import KeyframeGap
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.project import MASK_FIELD
from render_service.domain.projects.shot_source import (
    BackgroundSource,
    CardSource,
    ClipSource,
    GeneratedSource,
    PlaceholderSource,
    StillSource,
    is_clip,
)
from render_service.domain.projects.timeline import Timeline, TimelineShot
from render_service.domain.text_fields import TextFields

_FONT_NAMES = TextFields(PINNED, is_font_field, {})


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What the segments are made of, besides the timeline.

    Args:
        build: Names the build of everything that draws and encodes.
        hashes: Hashes of the media.
        captions: All captions in order, no two at once; their frames count from the start of the video.
        watermark: Picture over everything.
        gaps: The long stretches of clips without a keyframe, by shot id.
        sizes: Sizes of the pictures of cards, by shot id.
    """

    build: str
    hashes: MediaHashes
    captions: Sequence[DrawnCaption]
    watermark: DrawnMark | None
    gaps: Mapping[str, Sequence[KeyframeGap]] = field(default_factory=dict)
    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    rendition: PictureFormat | None = None


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment in its place.

    Args:
        job: What to make.
        start: Its first frame in the video.
        shot_index: The shot that is shown; in a transition, the incoming one.
        is_body: Whether only one shot is seen.
    """

    job: SegmentJob
    start: int
    shot_index: int
    is_body: bool


def plan_segments(timeline: Timeline, spec: RenderSpec, ingredients: Ingredients) -> tuple[PlannedSegment, ...]:
    """Cut a timeline into segments.

    Args:
        timeline: Which shot is seen when.
        spec: The render.
        ingredients: What else the segments are made of.

    Returns:
        The segments in order. Together they have exactly the timeline's frames.
    """
    cutter = _Cutter.of(timeline, spec, ingredients)
    segments = []
    previous: TimelineShot | None = None
    for shot in timeline.shots:
        if previous is not None and shot.overlap_in:
            segments.append(cutter.transition(previous, shot))
        body = (shot.overlap_in, shot.frames - shot.overlap_out)
        # The keyframes of a clip that is edited lie elsewhere.
        gaps = ingredients.gaps.get(shot.shot_id, ()) if shot.playback is None else ()
        slices = cut_clip(*body, timeline.fps, gaps) if is_clip(shot.source) else cut_still(*body, timeline.fps)
        segments.extend(cutter.body(shot, first, after) for first, after in slices)
        previous = shot
    assert sum(segment.job.frames for segment in segments) == timeline.frames
    return tuple(segments)


def plan_frame(
    timeline: Timeline, spec: RenderSpec, ingredients: Ingredients, frame: int
) -> tuple[PlannedSegment, int]:
    """Plan a segment that holds one frame of the video, and as few others as possible.

    Args:
        timeline: Which shot is seen when.
        spec: The render.
        ingredients: What else segments are made of.
        frame: Number of the frame in the video.

    Returns:
        The segment, and the number of the frame in it.
    """
    cutter = _Cutter.of(timeline, spec, ingredients)
    for previous, shot in pairwise((None, *timeline.shots)):
        assert shot is not None
        place = frame - shot.start
        if previous is not None and 0 <= place < shot.overlap_in:
            return cutter.transition(previous, shot), place
        if shot.overlap_in <= place < shot.frames - shot.overlap_out:
            return cutter.body(shot, place, place + 1), 0
    raise ValueError(f"the video has no frame {frame}")


def picture_format(output: OutputSpec) -> PictureFormat:
    """Return the form of all frames of a video."""
    codec = segment_codec(output.container, output.codec)
    return PictureFormat(output.width, output.height, output.fps, output.quality, codec)


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts segments of one video; `over` are the layers over all of it."""

    picture: PictureFormat
    spec: RenderSpec
    style: "_Style"
    ingredients: Ingredients
    over: Sequence[DrawnLayer]

    @classmethod
    def of(cls, timeline: Timeline, spec: RenderSpec, ingredients: Ingredients) -> Self:
        """Return what cuts the segments of a render."""
        fps, picture = spec.output.fps, picture_format(spec.output)
        # The title rather than a shot: cards of one video share their colours, whichever shots are edited.
        style = _Style(spec.project.title, render_language(spec.project), spec.project.brand)
        over = drawn_layers(spec.project.layers, timeline.frames, fps, ingredients.hashes.layers, style.language)
        return cls(picture, spec, style, ingredients, over)

    def transition(self, going: TimelineShot, coming: TimelineShot) -> PlannedSegment:
        """Return the whole transition between two shots."""
        frames, wish = coming.overlap_in, coming.shot.transition
        bare = SegmentSpec(
            self.ingredients.build,
            self.picture,
            frames,
            self._stretch(going, going.frames - frames, frames),
            incoming=self._stretch(coming, 0, frames),
            transition=coming.transition,
            direction=coming.direction,
            softness=wish.softness,
            angle=wish.angle,
            mask=self.ingredients.hashes.shots.get(coming.shot_id, ShotHashes()).layers.get(MASK_FIELD, ""),
        )
        return self._planned(bare, coming.start, coming.index)

    def body(self, shot: TimelineShot, first: int, after: int) -> PlannedSegment:
        """Return some of the frames in which a shot is seen alone, `first` to before `after`, counted from its own."""
        shown = self._stretch(shot, first, after - first)
        bare = SegmentSpec(self.ingredients.build, self.picture, after - first, shown)
        return self._planned(bare, shot.start + first, shot.index)

    def _stretch(self, shot: TimelineShot, first: int, frames: int) -> ShotStretch:
        """Return a stretch of `frames` frames of a shot, from its frame `first` on."""
        files = self.ingredients.hashes.shots.get(shot.shot_id, ShotHashes()).layers
        sizes = self.ingredients.sizes.get(shot.shot_id, ())
        mark = self.ingredients.watermark.area if self.ingredients.watermark else None
        over = shot_layers(self.spec, shot, files, sizes, language=self.style.language, mark=mark)
        return ShotStretch(
            _drawn_source(shot, self.style, self.ingredients),
            shot.motion,
            shot.frames,
            first,
            seen_layers(over, first, frames, self.picture.fps),
        )

    def _planned(self, bare: SegmentSpec, start: int, shot_index: int) -> PlannedSegment:
        """Lay layers, captions and watermark over a segment that begins at a frame of the video."""
        made_of, end = self.ingredients, start + bare.frames
        # The layers of the project are few, the captions may be thousands.
        first = bisect_right(made_of.captions, start, key=lambda caption: caption.end)
        last = bisect_left(made_of.captions, end, key=lambda caption: caption.start)
        marks = (made_of.watermark,) if made_of.watermark else ()
        segment = replace(
            bare,
            layers=seen_layers(
                (*self.over, *made_of.captions[first:last], *marks), start, bare.frames, self.picture.fps
            ),
            rendition=made_of.rendition,
            keyframes=keyframes_within(self.spec.output, start, bare.frames),
        )
        job = SegmentJob(segment.to_bytes(), _files(segment, made_of.hashes.assets), segment.frames)
        return PlannedSegment(job, start, shot_index, segment.incoming is None)


def keyframes_within(output: OutputSpec, start: int, frames: int) -> tuple[int, ...]:
    """Return at which frames of a segment a stream's segments begin, except for its first, which is a keyframe anyway.

    Args:
        output: The format of the video.
        start: The segment's first frame in the video.
        frames: Its length.
    """
    if output.streaming is None:
        return ()
    distance = output.streaming.segment_seconds * output.fps
    return tuple(at - start for at in range(-(-(start + 1) // distance) * distance, start + frames, distance))


@dataclass(frozen=True, slots=True)
class _Style:
    """What all cards and texts of a video share; `theme` and `brand` decide the colours of cards."""

    theme: str
    language: str
    brand: Brand | None

    def shown(self, *, heading: bool = False, body: bool = False) -> Brand | None:
        """Return what of the brand is seen: its colours, and the fonts of the texts that there are; None for nothing.

        Changes to the rest of a brand leave a card as it is.
        """
        if self.brand is None:
            return None
        fonts = self.brand.fonts
        drawn = BrandFonts((fonts.heading or fonts.body) if heading else "", fonts.body if body else "")
        return Brand(self.brand.colors, drawn) if (self.brand.colors, drawn) != (BrandColors(), BrandFonts()) else None


def _drawn_source(shot: TimelineShot, cards: _Style, ingredients: Ingredients) -> DrawnSource:
    hashes = ingredients.hashes.shots.get(shot.shot_id, ShotHashes())
    match shot.source:
        case ClipSource() | GeneratedSource():
            assert hashes.clip is not None
            return DrawnClip(hashes.clip, shot.shot.fit, shot.playback)
        case StillSource():
            assert hashes.image is not None
            return DrawnStill(hashes.image, shot.shot.fit)
        case CardSource(card):
            title, subtitle = clean_text(card.title), clean_text(card.subtitle)
            brand = cards.shown(heading=bool(title), body=bool(title and subtitle))
            return DrawnCard(title, shot.shot_id, cards.theme, cards.language, subtitle, brand)
        case PlaceholderSource(text):
            cleaned = clean_text(text)
            brand = cards.shown(body=bool(cleaned))
            return DrawnCard(cleaned, shot.shot_id, cards.theme, cards.language, brand=brand)
        case BackgroundSource():
            return DrawnCard("", shot.shot_id, cards.theme, cards.language, brand=cards.shown())
        case _:
            assert_never(shot.source)


def _fonts(segment: SegmentSpec) -> list[str]:
    """Return the SHA-256 of the uploaded fonts that a segment draws with."""
    found: dict[str, None] = {}

    def note(name: str, place: str) -> str:
        found.update(dict.fromkeys(file.sha256 for file in pinned_files(name)))
        return name

    _FONT_NAMES.changed(segment, "", note)
    return list(found)


def _files(segment: SegmentSpec, assets: Mapping[str, Asset]) -> Mapping[str, Asset]:
    named = [segment.mask] if segment.mask else []
    for shot in (segment.shot, segment.incoming):
        if shot is not None:
            if isinstance(shot.source, DrawnStill):
                named.append(shot.source.still)
            elif isinstance(shot.source, DrawnClip):
                named.append(shot.source.clip)
            named += [file for over in shot.layers for file in over.files]
    named += [file for over in segment.layers for file in over.files]
    named += _fonts(segment)
    return {sha256: assets[sha256] for sha256 in named}
