"""The recipes of CONTRIBUTING.md: each place that was forgotten when something was added fails a test, by name.

Other tests hold that the domain has every field and enum value of the contract (unit/server), that an RPC has an
authorization rule (unit/server), that settings and metrics are documented (unit/config, unit/test_metrics.py), and that
every transition is drawn (unit/compositor/test_transitions.py).
"""

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from render_client.cli.options import Artifact as CliArtifact
from render_client.messages import ArtifactName, Requests
from render_client.v1 import job_pb2

import render_service
from render_service.compositor.text.fonts import FALLBACKS, Face, coverage, family_face, load_font, regional_face
from render_service.config.providers import missing_settings
from render_service.config.settings import Settings
from render_service.domain.cards import model as cards
from render_service.domain.errors import ErrorReason, FieldFault
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS, find_model
from render_service.domain.jobs.job import Artifact, ProviderName
from render_service.domain.layers import model as layers
from render_service.domain.layers.fonts import FONT_FAMILIES
from render_service.domain.projects import output, project
from render_service.domain.projects.looks.clips import ClipEdit
from render_service.domain.projects.looks.sounds import SoundClip
from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.validation import check_project
from render_service.domain.speech.lexicon import LexiconEntry
from render_service.domain.warning import WarningCode
from render_service.providers.apis.registry import PROVIDERS
from tests.unit.compositor.cards.samples import WORDS, cards_of

PACKAGE = Path(render_service.__file__).parent
ROOT = PACKAGE.parent
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
FONT_FILES = sorted((PACKAGE / "compositor/text/font_files").glob("*.[ot]tf"))
# Where fields are declared, validated and mapped: a field that is read only here has no effect on the video.
DECLARATIONS = (
    "domain/projects/project.py",
    "domain/layers/validation.py",
    "domain/projects/output.py",
    "domain/projects/validation.py",
    "domain/projects/looks",
    "server/mapping",
)
# The script is stored and returned for people, as the contract says. All writing modes but the default are refused.
NOT_RENDERED = {"Project.script", "TextStyle.writing_mode"}


@cache
def modules() -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """All modules of the service: their paths, the attributes that they read, and the names that they use."""
    found = []
    for file in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        attributes = frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))
        names = frozenset(node.id for node in nodes if isinstance(node, ast.Name))
        found.append((file.relative_to(PACKAGE).as_posix(), attributes, names))
    return tuple(found)


@cache
def names_read(*without: str) -> frozenset[str]:
    """All attributes that the service reads, outside some modules and folders."""
    return frozenset().union(*(read for path, read, _ in modules() if not path.startswith(without or ("-",))))


@cache
def names_used(*without: str) -> frozenset[str]:
    """All names that the service uses after importing them, outside some modules and folders."""
    return frozenset().union(*(used for path, _, used in modules() if not path.startswith(without or ("-",))))


def declared_fields() -> Iterator[str]:
    """`Class.field` of every field of a project and its output."""
    for module in (project, output, layers, cards):
        for name, kind in vars(module).items():
            if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__:
                yield from (f"{name}.{field.name}" for field in fields(kind))


@pytest.mark.parametrize("field", list(declared_fields()))
def test_a_field_of_a_project_reaches_the_video(field: str) -> None:
    assert field in NOT_RENDERED or field.rpartition(".")[2] in names_read(*DECLARATIONS), (
        "declared and mapped, but nothing uses it"
    )


CONTENTS = ("filters", "group", "text", "picture", "shape", "clip")
GRADIENT = layers.Gradient(stops=(layers.ColorStop("#000000"), layers.ColorStop("#FFFFFF", 1.0)))
BOX = layers.Box(0.5, 0.5, width=0.5, height=0.5)
ANIMATION = layers.Animation(duration=timedelta(seconds=1))
MOVING: dict[str, Any] = {
    "shadow": layers.Shadow(),
    "stroke": layers.Stroke("#000000"),
    "enter": ANIMATION,
    "exit": ANIMATION,
    "mask": layers.Mask(box=BOX),
    "keyframes": (layers.Keyframe(timedelta(0), 0.5, 0.5, 1.0, 0.0, 1.0),),
}
EVERY_LAYER = (
    layers.Layer(
        "t",
        text=layers.TextLayer("{number}", layers.TextStyle(gradient=GRADIENT), layers.Counter()),
        box=BOX,
        **MOVING,
    ),
    layers.Layer("p", picture=layers.PictureLayer("w", layers.LottiePlayback()), box=BOX, **MOVING),
    layers.Layer(
        "c",
        clip=layers.ClipLayer("w"),
        box=BOX,
        filters=layers.Filters(chroma_key=layers.ChromaKey("#00FF00"), lut=layers.Lut("w")),
        **MOVING,
    ),
    layers.Layer(
        "s",
        shape=layers.ShapeLayer(layers.ShapeKind.PATH, "M 0 0 L 1 1", gradient=GRADIENT, trim=layers.Trim()),
        box=BOX,
        **MOVING,
    ),
)
EVERY_CARD = cards_of(WORDS[0], pictures=True)
TEMPLATES = frozenset(field.name for field in fields(cards.ShotCard)) - {"accent", "background"}
# With every optional part, so that each field of each part is reached.
WHOLE = project.Project(
    shots=tuple(
        project.Shot(
            name,
            motion=project.Motion(project.MotionKind.KEN_BURNS, start=PictureView(), end=PictureView()),
            clip=ClipEdit(crop=PictureView()),
            sounds=(SoundClip("https://example.com/a.mp3"),),
            words=(project.WordTiming("w", timedelta(0), timedelta(seconds=1)),),
            speech=project.Speech(speed=1.0),
            translations=(project.Translation("de", "n", "c"),),
            layers=EVERY_LAYER,
            card=card,
        )
        for name, card in EVERY_CARD.items()
    ),
    music=project.Music("m"),
    watermark=project.Watermark("w"),
    title_card=project.Card("t"),
    end_card=project.Card("t"),
    speech=project.Speech(speed=1.0),
    lexicon=(LexiconEntry("w", respelling="w", language="en"),),
    layers=EVERY_LAYER,
    output=output.OutputOptions(
        size=output.FrameSize(320, 180),
        audio_languages=(output.AudioLanguage("de", "v"),),
        sidecars=output.Sidecars(thumbnails=True),
        ai_label=output.AiLabel(duration=timedelta(seconds=2)),
        streaming=output.Streaming(hls=True, segment_duration=timedelta(seconds=4)),
    ),
    sounds=(SoundClip("https://example.com/a.mp3"),),
)
# A layer has one content, and a card one template: these fields are those of other layers and cards. The brand is no
# field of requests: it is that of a kit, which has rules of its own.
OF_OTHERS = frozenset(
    [f"project{shot}.layers.{name}" for shot in ("", ".shots") for name in CONTENTS]
    + [f"project.shots.card.{name}" for name in TEMPLATES]
    + ["project.brand"]
)
BEYOND_LIMITS: dict[type, object] = {
    str: "x" * 1_000_000,
    int: 10**9,
    float: 1e30,
    timedelta: timedelta(days=365),
}


def beyond_limits(part: Any, path: str = "project") -> Iterator[tuple[str, Any]]:
    """Yield the path of each text, number and time, and the part with such a value that no limit allows."""
    for name, hint in get_type_hints(type(part)).items():
        value, kinds = getattr(part, name), get_args(hint) or (hint,)
        items = value if isinstance(value, tuple) else (value,)
        for number, item in enumerate(items):
            if not is_dataclass(item):
                continue
            for leaf, changed in beyond_limits(item, f"{path}.{name}"):
                others = (*items[:number], changed, *items[number + 1 :])
                yield leaf, replace(part, **{name: others if isinstance(value, tuple) else changed})
        if not any(map(is_dataclass, items)):
            assert not any(map(is_dataclass, kinds)) or f"{path}.{name}" in OF_OTHERS, f"add {path}.{name} to WHOLE"
            yield from (
                (f"{path}.{name}", replace(part, **{name: BEYOND_LIMITS[k]})) for k in kinds if k in BEYOND_LIMITS
            )


PROJECTS_BEYOND_LIMITS = dict(beyond_limits(WHOLE))


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_a_template_of_cards_is_among_those_whose_limits_are_tried(template: str) -> None:
    assert any(getattr(card, template) for card in EVERY_CARD.values())


@pytest.mark.parametrize("field", PROJECTS_BEYOND_LIMITS)
def test_a_field_of_a_project_has_limits(field: str) -> None:
    def faults_of(tried: project.Project) -> list[FieldFault]:
        return check_project(tried, "project", lambda uri: "is too long" if len(uri) > 2000 else None, for_render=False)

    assert not faults_of(WHOLE)
    assert faults_of(PROJECTS_BEYOND_LIMITS[field])


@pytest.mark.parametrize("setting", list(Settings.model_fields))
def test_a_setting_has_an_effect(setting: str) -> None:
    assert setting in names_read()


@pytest.mark.parametrize("reason", ErrorReason)
def test_an_error_reason_is_raised_by_something(reason: ErrorReason) -> None:
    # Some are set by SQL.
    sql = " ".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "db").rglob("*_sql.py"))
    assert reason.name in names_read("server/interceptors/errors.py") or f"'{reason.name}'" in sql


@pytest.mark.parametrize("provider", sorted(GENERATING_PROVIDERS))
def test_a_provider_has_models_an_api_settings_documentation_and_a_fake(provider: ProviderName) -> None:
    assert find_model(provider, "") is not None
    assert provider in PROVIDERS
    assert provider in missing_settings(Settings())
    assert f"`{provider}`" in (ROOT / "docs/how-to/use-a-paid-provider.md").read_text(encoding="utf-8")
    fake = "fal" if provider is ProviderName.PIKA else provider  # Pika is served by fal
    assert (ROOT / f"tests/fakes/{fake}.py").is_file()


def test_every_other_provider_needs_no_api() -> None:
    assert set(ProviderName) - GENERATING_PROVIDERS == {ProviderName.LOCAL, ProviderName.MOCK}
    assert set(PROVIDERS) == GENERATING_PROVIDERS


@pytest.mark.parametrize("artifact", Artifact)
def test_an_artifact_is_stored_and_known_to_the_clients(artifact: Artifact) -> None:
    assert artifact.name in names_read("domain/jobs/job.py")
    assert artifact.value in get_args(ArtifactName)
    request = Requests("team").download_url("x", artifact.value)
    assert request.artifact == job_pb2.Artifact.Value(f"ARTIFACT_{artifact.name}")
    assert CliArtifact(artifact.value.replace("_", "-")).file_name(job_pb2.Job(job_id="x")) != "x"


@pytest.mark.parametrize("code", WarningCode)
def test_a_warning_is_given_by_something(code: WarningCode) -> None:
    assert code.name in names_read("domain/warning.py")


@pytest.mark.parametrize("face", FALLBACKS, ids=[face.name for face in FALLBACKS])
def test_a_font_draws_characters_and_is_credited(face: Face) -> None:
    earlier = (regional_face(""), *FALLBACKS[: FALLBACKS.index(face)])
    assert coverage(face).difference(*map(coverage, earlier)), "the faces before it draw all its characters"
    assert face.package.startswith("render_service.") or face.package.replace("_", "-") in NOTICE


@pytest.mark.parametrize("file", FONT_FILES, ids=[file.name for file in FONT_FILES])
def test_a_font_file_is_used_credited_and_documented(file: Path) -> None:
    (face,) = (face for face in FALLBACKS if face.file.endswith(f"/{file.name}"))
    family = load_font(face, 16, 400).getname()[0]
    assert family
    assert family in NOTICE
    assert family in (ROOT / "docs/reference/captions.md").read_text(encoding="utf-8")


def test_every_font_family_has_its_files_and_no_more_and_is_credited_and_documented() -> None:
    faces = {family_face(family.name, weight) for family in FONT_FAMILIES for weight in family.weights}
    folder = PACKAGE / "compositor/text/font_files/families"
    assert {face.file.rpartition("/")[2] for face in faces if face} == {file.name for file in folder.glob("*.ttf")}
    page = (ROOT / "docs/reference/captions.md").read_text(encoding="utf-8")
    contract = (ROOT / "proto/render/v1/layer.proto").read_text(encoding="utf-8").replace("\n  // ", " ")
    for family in FONT_FAMILIES:
        assert family.name in NOTICE
        assert family.name in contract
        cyrillic = all(0x436 in coverage(face) for w in family.weights if (face := family_face(family.name, w)))
        weights = ", ".join(map(str, family.weights))
        assert f"| {family.name} | {weights} | {'yes' if cyrillic else 'no'} |" in page


def metrics() -> Iterator[str]:
    """The names of the metrics in the code."""
    for file in (PACKAGE / "telemetry/metrics").glob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("metric", list(metrics()))
def test_a_metric_is_measured(metric: str) -> None:
    registries = {"SHARED", "SERVER", "WORKER"}
    assert metric in registries or metric in names_used("telemetry/metrics")
