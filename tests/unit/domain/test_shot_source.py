"""What a shot shows is decided in one place, from its fields and from the files that are there."""

import ast
from pathlib import Path

import pytest

import render_service
from render_service.domain.projects.project import Card, Project, Shot
from render_service.domain.projects.sequence import sequence
from render_service.domain.projects.shot_source import (
    CardSource,
    ClipSource,
    GeneratedSource,
    PlaceholderSource,
    ShotSource,
    StillSource,
    declared_source,
    resolved_source,
)

BARE = Shot("s", visual_description="dawn")
STILL = Shot("s", visual_description="dawn", image_uri="https://e.com/a.png")
CLIP = Shot("s", visual_description="dawn", clip_uri="https://e.com/a.mp4")
CARD = CardSource(Card("Title"))


def test_a_shot_declares_what_its_fields_name() -> None:
    assert declared_source(BARE) == PlaceholderSource("dawn")
    assert declared_source(STILL) == StillSource("https://e.com/a.png")
    assert declared_source(CLIP) == ClipSource("https://e.com/a.mp4")


@pytest.mark.parametrize(
    ("shot", "declared", "has_clip", "has_image", "shown"),
    [
        (STILL, None, False, True, StillSource("https://e.com/a.png")),
        (CLIP, None, True, False, ClipSource("https://e.com/a.mp4")),
        (BARE, None, True, False, GeneratedSource()),
        (STILL, None, True, False, GeneratedSource()),
        (STILL, None, False, False, PlaceholderSource("dawn")),
        (CLIP, None, False, False, PlaceholderSource("dawn")),
        (Shot("@title"), CARD, False, False, CARD),
    ],
)
def test_the_files_decide_what_is_shown(
    shot: Shot, declared: ShotSource | None, has_clip: bool, has_image: bool, shown: ShotSource
) -> None:
    resolved = resolved_source(shot, declared or declared_source(shot), has_clip=has_clip, has_image=has_image)
    assert resolved == shown


def test_cards_and_bumpers_stand_around_the_storyboard() -> None:
    project = Project(
        shots=(STILL,),
        intro_clip_uri="https://e.com/in.mp4",
        outro_clip_uri="https://e.com/out.mp4",
        title_card=Card("Title"),
        end_card=Card("End"),
    )
    assert [(one.id, one.source) for one in sequence(project)] == [
        ("@intro", ClipSource("https://e.com/in.mp4")),
        ("@title", CardSource(Card("Title"))),
        ("s", StillSource("https://e.com/a.png")),
        ("@end", CardSource(Card("End"))),
        ("@outro", ClipSource("https://e.com/out.mp4")),
    ]


# Validation checks the fields as they are sent; a generated clip starts from the picture at its URI.
READS_THE_FIELDS = {
    "domain/projects/shot_source.py",
    "domain/projects/validation.py",
    "domain/generation/clip_plan.py",
    "providers/generation/clips.py",
}


def test_nothing_else_decides_from_the_fields() -> None:
    root = Path(render_service.__file__).parent
    readers = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("image_uri", "clip_uri")
    }
    assert readers <= READS_THE_FIELDS
