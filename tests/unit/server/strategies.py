"""Random projects that keep every rule, and random messages that keep none."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from render_service.domain.layers import model as layers
from render_service.domain.projects.looks.clips import ClipEdit, ClipFlip, ShortClip
from render_service.domain.projects.looks.sounds import SoundClip, SoundRole
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.output import FRAME_RATES, AspectRatio, Container, FrameSize, OutputOptions, Quality
from render_service.domain.projects.project import (
    BadAssetPolicy,
    CaptionOptions,
    CaptionStyle,
    Card,
    Corner,
    Direction,
    Easing,
    Fit,
    MissingGlyph,
    Motion,
    MotionFocus,
    MotionKind,
    Music,
    NarrationPolicy,
    Pacing,
    Project,
    ProjectMode,
    Shot,
    Transition,
    TransitionKind,
    Watermark,
    WordTiming,
)
from render_service.domain.visible_text import is_visible
from tests.unit.compositor.cards.samples import WORDS, cards_of

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TITLE = TEXT.filter(is_visible)
URI = st.sampled_from(["https://example.com/a.png", "https://example.com/b.mp4"])
OPTIONAL_URI = st.just("") | URI
FRACTION = st.floats(0, 1)


def spans(most: float, *, least: timedelta = timedelta(microseconds=1)) -> st.SearchStrategy[timedelta]:
    """Durations up to `most` seconds."""
    return st.timedeltas(min_value=least, max_value=timedelta(seconds=most))


def _words(times: list[timedelta]) -> tuple[WordTiming, ...]:
    times = sorted(times)
    return tuple(WordTiming("word", start, end) for start, end in pairwise(times))


VIEWS = st.builds(
    PictureView, x=st.floats(0, 0.5), y=st.floats(0, 0.5), width=st.floats(0.05, 0.5), height=st.floats(0.05, 0.5)
)
MOTIONS = st.builds(
    Motion,
    kind=st.none() | st.sampled_from([kind for kind in MotionKind if kind is not MotionKind.KEN_BURNS]),
    focus_x=FRACTION,
    focus_y=FRACTION,
    easing=st.none() | st.sampled_from(Easing),
    amount=st.none() | st.floats(0.01, 0.5),
    start=st.none(),
    end=st.none(),
) | st.builds(
    Motion,
    kind=st.just(MotionKind.KEN_BURNS),
    start=st.none() | VIEWS,
    end=VIEWS,
    focus=st.none() | st.just(MotionFocus.FACES),
)
TRANSITIONS = st.builds(
    Transition,
    kind=st.none() | st.sampled_from([kind for kind in TransitionKind if kind is not TransitionKind.LUMA]),
    duration=st.none() | spans(5),
    direction=st.sampled_from(Direction),
    softness=st.none() | FRACTION,
    angle=st.none() | st.floats(0, 360),
    mask_uri=st.just(""),
) | st.builds(Transition, kind=st.just(TransitionKind.LUMA), mask_uri=URI)
CARDS = st.builds(Card, title=TITLE, subtitle=TEXT, duration=st.none() | spans(600))
OUTPUTS = (
    st.builds(
        OutputOptions,
        aspect_ratio=st.none() | st.sampled_from(AspectRatio),
        fps=st.none() | st.sampled_from(FRAME_RATES),
        quality=st.none() | st.sampled_from(Quality),
        container=st.none() | st.sampled_from(Container),
    )
    | st.builds(
        lambda held: OutputOptions(container=held[0], codec=held[1]),
        st.sampled_from([(container, codec) for container in Container for codec in container.codecs]),
    )
    | st.builds(
        OutputOptions,
        size=st.builds(FrameSize, st.integers(64, 1920).map(lambda n: n * 2), st.sampled_from([128, 3840])),
    )
)

COLORS = st.from_regex(r"#[0-9A-F]{6}([0-9A-F]{2})?", fullmatch=True)
GRADIENTS = st.builds(
    layers.Gradient,
    kind=st.sampled_from(layers.GradientKind),
    angle=st.floats(-360, 360),
    stops=st.builds(lambda a, b: (layers.ColorStop(a), layers.ColorStop(b, 1.0)), COLORS, COLORS),
)
CONTENTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        layers.TextLayer,
        text=TITLE,
        style=st.builds(
            layers.TextStyle,
            size=st.floats(0.01, 1),
            weight=st.integers(100, 900),
            color=COLORS,
            align=st.none() | st.sampled_from(layers.TextAlign),
        ),
    ).map(lambda text: {"text": text}),
    st.builds(
        layers.TextLayer,
        text=st.just("{number} %"),
        counter=st.builds(layers.Counter, end=st.floats(-1e12, 1e12), decimals=st.integers(0, 4)),
    ).map(lambda text: {"text": text}),
    st.builds(layers.PictureLayer, uri=URI).map(lambda picture: {"picture": picture}),
    st.builds(layers.ShapeLayer, gradient=GRADIENTS).map(lambda shape: {"shape": shape}),
    st.builds(layers.ShapeLayer, trim=st.builds(layers.Trim, end=st.floats(0, 1))).map(
        lambda shape: {"shape": shape, "stroke": layers.Stroke("#FFFFFF")}
    ),
)
ANIMATIONS = st.builds(
    layers.Animation,
    kind=st.sampled_from([layers.AnimationKind.FADE, layers.AnimationKind.SLIDE]),
    duration=st.none() | spans(10),
    direction=st.none() | st.sampled_from(layers.AnimationDirection),
    easing=st.sampled_from(["", "linear", "spring(0.3)", "cubic-bezier(0.1, 2, 0.3, 1)"]),
)


def _keyframes(times: list[timedelta]) -> tuple[layers.Keyframe, ...]:
    return tuple(layers.Keyframe(time, x=0.5, opacity=0.0) for time in sorted(times))


LAYERS = st.lists(
    st.builds(
        lambda content, **fields: layers.Layer(**{**fields, **content}),
        CONTENTS,
        id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
        box=st.builds(
            layers.Box,
            x=st.none() | st.floats(-1, 2),
            anchor=st.sampled_from(layers.Anchor),
            width=st.none() | st.floats(0.001, 2),
            fit=st.sampled_from(layers.BoxFit),
        ),
        start=spans(10, least=timedelta(0)),
        duration=st.none() | spans(10),
        enter=st.none() | ANIMATIONS,
        exit=st.none() | ANIMATIONS,
        keyframes=st.lists(spans(600, least=timedelta(0)), unique=True, max_size=3).map(_keyframes),
        opacity=FRACTION,
        blend=st.sampled_from(layers.Blend),
        shadow=st.none() | st.builds(layers.Shadow, color=COLORS, blur=st.floats(0, 0.2)),
        stroke=st.none() | st.builds(layers.Stroke, color=COLORS, width=st.floats(0.0005, 0.2)),
    ),
    max_size=2,
    unique_by=lambda one: one.id,
).map(tuple)


CLIPS = st.builds(
    ClipEdit,
    start=spans(14_400, least=timedelta(0)),
    length=st.none() | spans(14_400),
    speed=st.floats(0.25, 4),
    reverse=st.booleans(),
    freeze_at=st.none() | spans(14_400),
    when_short=st.none() | st.sampled_from(ShortClip),
    volume=st.floats(0, 2),
    fade_in=spans(10, least=timedelta(0)),
    fade_out=spans(10, least=timedelta(0)),
    crop=st.none() | VIEWS,
    flip=st.none() | st.sampled_from(ClipFlip),
)


SOUNDS = st.lists(
    st.builds(
        SoundClip,
        uri=URI,
        role=st.sampled_from(SoundRole),
        start=st.none() | spans(14_400, least=timedelta(0)),
        offset=spans(14_400, least=timedelta(0)),
        duration=st.none() | spans(14_400),
        volume=st.floats(0, 2),
        fade_in=spans(10, least=timedelta(0)),
        fade_out=spans(10, least=timedelta(0)),
        loop=st.booleans(),
    ),
    max_size=2,
).map(tuple)


SHOT_CARDS = st.builds(
    replace,
    st.sampled_from([card for words in WORDS[:2] for card in cards_of(words, pictures=True).values()]),
    accent=st.just("") | st.from_regex(r"#[0-9A-F]{6}", fullmatch=True),
)


@st.composite
def shots(draw: st.DrawFn) -> tuple[Shot, ...]:
    """Storyboards of a few shots."""
    shot = st.builds(
        Shot,
        id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
        visual_description=TEXT,
        narration=TEXT,
        caption=st.none() | TEXT,
        duration=st.none() | spans(600),
        image_uri=st.just(""),
        clip_uri=OPTIONAL_URI,
        narration_audio_uri=OPTIONAL_URI,
        motion=MOTIONS,
        transition=TRANSITIONS,
        fit=st.none() | st.sampled_from(Fit),
        clip_sound=st.booleans(),
        words=st.lists(spans(600), max_size=4).map(_words),
        layers=LAYERS,
        clip=st.none() | CLIPS,
        sounds=SOUNDS,
        card=st.none() | SHOT_CARDS,
    )
    return tuple(draw(st.lists(shot, max_size=3, unique_by=lambda one: one.id)))


PROJECTS = st.builds(
    Project,
    sounds=SOUNDS,
    title=TEXT,
    mode=st.sampled_from(ProjectMode),
    target_duration=st.none() | spans(3600),
    script=TEXT,
    shots=shots(),
    music=st.none()
    | st.builds(
        Music,
        uri=URI,
        volume=FRACTION,
        loop=st.booleans(),
        fade_in=spans(10, least=timedelta(0)),
        fade_out=spans(10, least=timedelta(0)),
        duck=st.booleans(),
    ),
    language=st.sampled_from(["", "en", "zh-Hans"]),
    output=OUTPUTS,
    captions=st.builds(
        CaptionOptions,
        style=st.none() | st.sampled_from(CaptionStyle),
        scale=st.none() | st.floats(0.5, 2),
        highlight_words=st.booleans(),
        burn_in=st.none() | st.booleans(),
        from_audio=st.booleans(),
    ),
    watermark=st.none()
    | st.builds(Watermark, uri=URI, corner=st.sampled_from(Corner), opacity=FRACTION, scale=st.floats(0.02, 0.5)),
    intro_clip_uri=OPTIONAL_URI,
    outro_clip_uri=OPTIONAL_URI,
    title_card=st.none() | CARDS,
    end_card=st.none() | CARDS,
    narration_policy=st.sampled_from(NarrationPolicy),
    bad_asset_policy=st.sampled_from(BadAssetPolicy),
    missing_glyph=st.sampled_from(MissingGlyph),
    pacing=st.builds(
        Pacing,
        narration_gap=st.none() | spans(5, least=timedelta(0)),
        tail=st.none() | spans(10, least=timedelta(0)),
    ),
    layers=LAYERS,
)

_ANY_OF: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: st.text(st.characters(codec="utf-8"), max_size=8) | URI,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1) | st.integers(-700, 700),
    FieldDescriptor.TYPE_ENUM: st.integers(-3, 12) | st.integers(-(2**31), 2**31 - 1),
}


@cache
def messages(kind: Descriptor) -> st.SearchStrategy[Message]:
    """Messages of a type with any value in any field."""

    @st.composite
    def message(draw: st.DrawFn) -> Message:
        made = GetMessageClass(kind)()
        for descriptor in kind.fields:
            if draw(st.booleans()):
                continue
            inner = descriptor.message_type
            value = messages(inner) if inner is not None else _ANY_OF[descriptor.type]
            if descriptor.is_repeated:
                getattr(made, descriptor.name).extend(draw(st.lists(value, max_size=2)))
            elif inner is not None:
                getattr(made, descriptor.name).CopyFrom(draw(value))
            else:
                setattr(made, descriptor.name, draw(value))
        return made

    return message()
