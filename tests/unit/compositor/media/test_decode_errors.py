"""What an exception says of the machine, of memory, or of the media, wherever FFmpeg or Pillow raises it."""

import errno
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from render_service.compositor.media.assets import Asset, Media
from render_service.compositor.media.decode_errors import Fault, fault_of
from render_service.compositor.media.demuxing import open_media
from render_service.compositor.media.images import load_image
from render_service.compositor.processes.messages import Kind
from render_service.compositor.processes.worker_process import _KINDS
from render_service.compositor.verification import video
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.machine_faults import is_machine_fault
from render_service.domain.projects.file_signatures import FileClass
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.timeline import plan_timeline

LACKING = [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EROFS]
MACHINE = [*LACKING, errno.EAGAIN, errno.EIO, errno.ENOBUFS]


def of_ffmpeg(code: int) -> BaseException:
    """Return what PyAV raises for an error of FFmpeg."""
    with pytest.raises(av.error.FFmpegError) as caught:
        av.error.err_check(-code)
    return caught.value


def of_python(code: int) -> BaseException:
    return OSError(code, os.strerror(code))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mjpeg", 25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuvj420p"
        container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(pictures.encode(None))
    return path


@pytest.mark.parametrize("code", MACHINE, ids=errno.errorcode.get)
def test_what_the_machine_lacks_is_a_fault_of_the_machine(code: int) -> None:
    assert is_machine_fault(of_python(code))
    assert fault_of(of_python(code)) is Fault.MACHINE


def test_the_cause_of_an_exception_decides() -> None:
    error = RuntimeError("could not write the segment")
    error.__cause__ = OSError(errno.EROFS, "Read-only file system")
    assert fault_of(error) is Fault.MACHINE


@pytest.mark.parametrize("code", [*LACKING, errno.EIO], ids=errno.errorcode.get)
def test_ffmpeg_reports_what_the_machine_lacks(code: int) -> None:
    assert fault_of(of_ffmpeg(code)) is Fault.MACHINE


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EINVAL, errno.EPERM], ids=errno.errorcode.get)
def test_what_ffmpeg_says_of_damaged_files_is_no_fault_of_the_machine(code: int) -> None:
    assert fault_of(of_ffmpeg(code)) is Fault.MEDIA


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, ""), of_ffmpeg(errno.ENOMEM)], ids=repr)
def test_memory_is_limited_for_each_task_and_so_belongs_to_the_task(error: BaseException) -> None:
    assert fault_of(error) is Fault.MEMORY


@pytest.mark.parametrize("error", [ValueError(), OSError(errno.ENOENT, ""), KeyError("x")], ids=repr)
def test_others_are_faults_of_the_service(error: BaseException) -> None:
    assert fault_of(error) is Fault.OTHER


def test_every_fault_has_an_answer() -> None:
    assert set(_KINDS) == set(Fault)
    assert _KINDS[Fault.MACHINE] is Kind.MACHINE_FAULT


def test_opencv_refuses_media() -> None:
    with pytest.raises(cv2.error) as caught:
        cv2.resize(None, (1, 1))  # type: ignore[call-overload]
    assert fault_of(caught.value) is Fault.MEDIA


@pytest.mark.parametrize(
    "error",
    [*map(of_ffmpeg, [*LACKING, errno.ENOMEM]), *map(of_python, [*LACKING, errno.EIO, errno.ENOMEM])],
    ids=repr,
)
def test_no_clip_is_refused_for_what_the_machine_lacks(error: BaseException, clip: Path) -> None:
    with pytest.raises(type(error)) as raised, open_media(Asset(clip, "clip_uri", "one"), FileClass.CLIP):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("code", [errno.EIO, errno.EAGAIN, errno.EINVAL], ids=errno.errorcode.get)
def test_a_clip_that_ends_too_early_is_refused_by_name(code: int, clip: Path) -> None:
    with (
        pytest.raises(RenderFailure, match=r"one\.clip_uri") as refused,
        open_media(Asset(clip, "clip_uri", "one"), FileClass.CLIP),
    ):
        raise of_ffmpeg(code)
    assert refused.value.reason is ErrorReason.ASSET_INVALID


@pytest.mark.parametrize("code", [*LACKING, errno.EIO, errno.ENOMEM], ids=errno.errorcode.get)
def test_no_picture_is_refused_for_what_the_machine_lacks(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.png"
    Image.new("RGB", (8, 8)).save(path)
    monkeypatch.setattr(Image.Image, "reduce", _raising(of_python(code)))
    monkeypatch.setattr(Image.Image, "resize", _raising(of_python(code)))
    with pytest.raises(OSError, match=r".") as raised:
        load_image(Asset(path, "image_uri", "one"), contain=(4, 4))
    assert raised.value.errno == code


@pytest.mark.parametrize("code", [*LACKING, errno.EIO, errno.ENOMEM], ids=errno.errorcode.get)
def test_no_finished_video_fails_its_check_for_what_the_machine_lacks(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = of_ffmpeg(code)
    monkeypatch.setattr(av, "open", _raising(error))
    project = Project(title="Test", shots=(Shot("one", duration=timedelta(seconds=2)),))
    spec = RenderSpec(project, OutputSpec(320, 180, 25, Quality.DRAFT))
    with pytest.raises(type(error)) as raised:
        video.check_video(Path("video.mp4"), plan_timeline(project, 25, {}), spec, Media())
    assert raised.value is error


def _raising(error: BaseException) -> Callable[..., object]:
    def fail(*arguments: object, **options: object) -> object:
        raise error

    return fail
