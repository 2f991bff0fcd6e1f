"""What an exception in a worker process says of the machine, the media, or the service."""

import errno
import os

import av
import cv2
import pytest

from render_service.compositor.processes.messages import Kind
from render_service.compositor.processes.worker_process import _kind_of
from render_service.domain.machine_faults import is_machine_fault

MACHINE = [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EIO, errno.EROFS]


def of_ffmpeg(code: int) -> BaseException:
    """Return what PyAV raises for an error of FFmpeg."""
    with pytest.raises(av.error.FFmpegError) as caught:
        av.error.err_check(-code)
    return caught.value


@pytest.mark.parametrize("code", MACHINE, ids=errno.errorcode.get)
def test_what_the_machine_lacks_is_a_fault_of_the_machine(code: int) -> None:
    assert is_machine_fault(OSError(code, os.strerror(code)))
    assert _kind_of(OSError(code, os.strerror(code))) is Kind.MACHINE_FAULT


def test_the_cause_of_an_exception_decides() -> None:
    error = RuntimeError("could not write the segment")
    error.__cause__ = OSError(errno.EROFS, "Read-only file system")
    assert _kind_of(error) is Kind.MACHINE_FAULT


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EROFS])
def test_ffmpeg_reports_what_the_machine_lacks(code: int) -> None:
    assert _kind_of(of_ffmpeg(code)) is Kind.MACHINE_FAULT


@pytest.mark.parametrize("code", [errno.EIO, errno.EAGAIN, errno.EINVAL, errno.EPERM])
def test_what_ffmpeg_says_of_damaged_files_is_no_fault_of_the_machine(code: int) -> None:
    assert _kind_of(of_ffmpeg(code)) is Kind.UNDECODABLE


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, ""), of_ffmpeg(errno.ENOMEM)], ids=repr)
def test_memory_is_limited_for_each_task_and_so_belongs_to_the_task(error: BaseException) -> None:
    assert _kind_of(error) is Kind.OUT_OF_MEMORY


@pytest.mark.parametrize("error", [ValueError(), OSError(errno.ENOENT, ""), KeyError("x")], ids=repr)
def test_others_are_faults_of_the_service(error: BaseException) -> None:
    assert _kind_of(error) is Kind.ERROR


def test_opencv_refuses_media() -> None:
    with pytest.raises(cv2.error) as caught:
        cv2.resize(None, (1, 1))  # type: ignore[call-overload]
    assert _kind_of(caught.value) is Kind.UNDECODABLE
