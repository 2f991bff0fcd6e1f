"""Projects pass between message and domain without loss, and whatever is sent, only faults come of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from render_client.v1 import output_pb2, project_pb2

from render_service.db.projects.projects import StoredProject
from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.projects.output import AspectRatio, FrameSize, OutputOptions
from render_service.domain.projects.project import Motion, MotionKind, Music, Project, ProjectStatus, Shot
from render_service.domain.projects.validation import check_project
from render_service.server.mapping.output import output_from_proto
from render_service.server.mapping.project import MAX_ALL_WORDS, project_from_proto, project_to_proto
from tests.unit.server.strategies import PROJECTS, messages

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)


def stored(project: Project) -> StoredProject:
    return StoredProject(UUID(int=7), "team-a", project, len(project.shots), ProjectStatus.SCRIPT_READY, "3", NOW, NOW)


def read(message: project_pb2.Project) -> Project:
    faults = Faults()
    project = project_from_proto(message, "project", faults)
    faults.raise_if_any()
    return project


def faults_of(message: project_pb2.Project) -> list[str]:
    with pytest.raises(InvalidFields) as refusal:
        read(message)
    return [fault.field for fault in refusal.value.faults]


def content(message: project_pb2.Project) -> project_pb2.Project:
    """Return a project without what the service sets."""
    bare = project_pb2.Project()
    bare.CopyFrom(message)
    bare.ClearField("project_id")
    bare.ClearField("workspace_id")
    bare.ClearField("shot_count")
    bare.ClearField("status")
    bare.ClearField("etag")
    bare.ClearField("create_time")
    bare.ClearField("update_time")
    return bare


_SAMPLES: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_DOUBLE: 0.375,
    FieldDescriptor.TYPE_INT32: 50,
    FieldDescriptor.TYPE_INT64: 50,
    FieldDescriptor.TYPE_ENUM: 2,
}


def fill(message: Message) -> None:
    """Set every field, however deep, to something that is not its default; of a oneof, the last remains."""
    for descriptor in message.DESCRIPTOR.fields:
        if descriptor.is_repeated and descriptor.message_type is None:
            getattr(message, descriptor.name).extend(["text", "texts"])
        elif descriptor.is_repeated:
            for _ in range(2):
                fill(getattr(message, descriptor.name).add())
        elif descriptor.message_type is Duration.DESCRIPTOR:
            getattr(message, descriptor.name).FromMicroseconds(1_250_001)
        elif descriptor.message_type is not None:
            fill(getattr(message, descriptor.name))
        elif descriptor.type == FieldDescriptor.TYPE_BOOL:
            # The defaults of bools with presence are all true.
            setattr(message, descriptor.name, not descriptor.has_presence)
        else:
            sample = _SAMPLES[descriptor.type]
            if descriptor.enum_type is not None:
                sample = min(sample, len(descriptor.enum_type.values) - 1)
            setattr(message, descriptor.name, sample)


def test_no_field_of_the_contract_is_lost_on_the_way() -> None:
    message = project_pb2.Project()
    fill(message)
    assert content(project_to_proto(stored(read(message)))) == content(message)


@given(PROJECTS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_sound_projects_survive_the_way_to_the_wire_and_back(project: Project) -> None:
    assert check_project(project, "project", lambda _: None, for_render=False) == []
    message = project_to_proto(stored(project))
    received = project_pb2.Project.FromString(message.SerializeToString())
    assert read(received) == project
    assert project_to_proto(stored(read(received))) == message


@given(messages(project_pb2.Project.DESCRIPTOR))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_is_sent_is_either_read_or_refused_by_field(message: project_pb2.Project) -> None:
    faults = Faults()
    project = project_from_proto(message, "project", faults)
    faults.add_all(check_project(project, "project", lambda _: None, for_render=True))
    if faults:
        with pytest.raises(InvalidFields):
            faults.raise_if_any()
    else:
        assert read(project_to_proto(stored(project))) == project


def test_what_the_service_sets_is_ignored_on_input_and_present_on_output() -> None:
    sent = project_pb2.Project(project_id="not a uuid", etag="\0", status=project_pb2.PROJECT_STATUS_FAILED)
    assert read(sent) == Project()
    message = project_to_proto(stored(Project()))
    assert (message.project_id, message.workspace_id, message.etag) == (str(UUID(int=7)), "team-a", "3")
    assert message.status == project_pb2.PROJECT_STATUS_SCRIPT_READY
    assert message.create_time.ToDatetime(UTC) == message.update_time.ToDatetime(UTC) == NOW


def test_a_message_without_anything_is_a_project_of_defaults() -> None:
    assert read(project_pb2.Project()) == Project()
    assert read(project_pb2.Project(music=project_pb2.Music(uri="u"))).music == Music("u")


def test_defaults_are_shown_but_messages_of_defaults_are_left_out() -> None:
    message = project_to_proto(stored(Project(shots=(Shot("a", motion=Motion(kind=MotionKind.ZOOM_IN)), Shot("b")))))
    assert message.mode == project_pb2.PROJECT_MODE_STANDARD
    assert message.storyboard.shots[0].motion.focus_x == 0.5
    assert message.storyboard.shots[0].clip_sound
    assert not message.storyboard.shots[1].HasField("motion")
    for name in ("captions", "output", "music", "watermark", "title_card", "target_duration"):
        assert not message.HasField(name)
    assert not project_to_proto(stored(Project())).HasField("storyboard")


def test_an_empty_caption_is_not_a_missing_caption() -> None:
    message = project_pb2.Project()
    message.storyboard.shots.add(caption="")
    message.storyboard.shots.add()
    assert [shot.caption for shot in read(message).shots] == ["", None]
    written = project_to_proto(stored(read(message)))
    assert [shot.HasField("caption") for shot in written.storyboard.shots] == [True, False]


def test_numbers_of_zero_are_not_missing_numbers() -> None:
    message = project_pb2.Project(music=project_pb2.Music(uri="u", volume=0, loop=False, duck=False))
    message.music.fade_in.SetInParent()
    assert read(message).music == Music("u", volume=0, loop=False, duck=False, fade_in=timedelta(0))


def test_shots_without_an_id_are_called_by_their_number() -> None:
    message = project_pb2.Project()
    for shot_id in ("", "b", ""):
        message.storyboard.shots.add(id=shot_id)
    assert [shot.id for shot in read(message).shots] == ["shot-1", "b", "shot-3"]


def test_layers_without_an_id_get_one_that_no_other_layer_has() -> None:
    layers = [project_pb2.Project().layers.add(id=name) for name in ("layer-2", "", "", "layer-4", "")]
    named = [layer.id for layer in read(project_pb2.Project(layers=layers)).layers]
    assert named == ["layer-2", "layer-3", "layer-5", "layer-4", "layer-6"]


def test_an_unknown_enum_number_is_refused_and_the_known_ones_are_named() -> None:
    message = json_format.ParseDict({"storyboard": {"shots": [{"transition": {"kind": 99}}]}}, project_pb2.Project())
    with pytest.raises(InvalidFields) as refusal:
        read(message)
    [fault] = refusal.value.faults
    assert fault.field == "project.storyboard.shots[0].transition.kind"
    assert "TRANSITION_KIND_CROSS_FADE" in fault.description
    assert "UNSPECIFIED" not in fault.description


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused(number: float) -> None:
    message = project_pb2.Project(music=project_pb2.Music(uri="u", volume=number))
    message.storyboard.shots.add().motion.focus_x = number
    assert faults_of(message) == ["project.storyboard.shots[0].motion.focus_x", "project.music.volume"]


def test_texts_with_nul_are_refused_wherever_they_are() -> None:
    message = project_pb2.Project(title="a\0", title_card=project_pb2.Card(title="\0"))
    message.storyboard.shots.add(id="\0", image_uri="https://a/\0").words.add(text="\0")
    shot = "project.storyboard.shots[0]"
    assert faults_of(message) == [
        "project.title",
        f"{shot}.id",
        f"{shot}.image_uri",
        f"{shot}.words[0].text",
        "project.title_card.title",
    ]


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(1, -1), (-1, 1), (0, 1_000_000_000), (0, -1_000_000_000), (315_576_000_001, 0), (-(2**63), 0), (2**63 - 1, 0)],
)
def test_invalid_durations_are_refused(seconds: int, nanos: int) -> None:
    message = project_pb2.Project(target_duration=Duration(seconds=seconds, nanos=nanos))
    assert faults_of(message) == ["project.target_duration"]


@pytest.mark.parametrize(
    ("seconds", "nanos", "expected"),
    [
        (0, 0, timedelta(0)),
        (1, 1_999, timedelta(seconds=1, microseconds=1)),
        (-1, -1_999, timedelta(seconds=-1, microseconds=-1)),
        (315_576_000_000, 999_999_999, timedelta(seconds=315_576_000_000, microseconds=999_999)),
    ],
)
def test_valid_durations_are_exact_to_the_microsecond(seconds: int, nanos: int, expected: timedelta) -> None:
    project = read(project_pb2.Project(target_duration=Duration(seconds=seconds, nanos=nanos)))
    assert project.target_duration == expected
    assert read(project_to_proto(stored(project))) == project


def test_too_many_shots_or_words_are_refused_without_being_read_in_full() -> None:
    message = project_pb2.Project()
    message.storyboard.shots.extend([project_pb2.Shot()] * 5_000)
    project = read(message)
    assert len(project.shots) == 201
    assert [fault.field for fault in check_project(project, "project", lambda _: None, for_render=True)] == [
        "project.storyboard.shots"
    ]
    crowded = project_pb2.Shot()
    crowded.words.extend([project_pb2.WordTiming()] * (MAX_ALL_WORDS // 30 + 1))
    message = project_pb2.Project()
    message.storyboard.shots.extend([crowded] * 30)
    assert faults_of(message) == ["project.storyboard.shots"]


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (output_pb2.OutputOptions(), OutputOptions()),
        (
            output_pb2.OutputOptions(aspect_ratio=output_pb2.ASPECT_RATIO_4_5, fps=24),
            OutputOptions(aspect_ratio=AspectRatio.PORTRAIT_4_5, fps=24),
        ),
        (
            output_pb2.OutputOptions(size=output_pb2.FrameSize(width=640, height=480)),
            OutputOptions(size=FrameSize(640, 480)),
        ),
    ],
)
def test_output_options_are_read_as_they_are_given(message: output_pb2.OutputOptions, options: OutputOptions) -> None:
    assert output_from_proto(message, "output", Faults()) == options


def test_output_options_that_say_nothing_leave_all_to_the_mode() -> None:
    faults = Faults()
    said = output_pb2.OutputOptions(aspect_ratio=output_pb2.ASPECT_RATIO_UNSPECIFIED, fps=0)
    assert output_from_proto(said, "output", faults) == OutputOptions()
    assert not faults
