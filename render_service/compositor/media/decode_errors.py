"""Tells whether an exception of a decoder or encoder is the fault of the machine, of the task, or of the media."""

import errno
from enum import StrEnum

from render_service.domain.machine_faults import is_machine_fault


class Fault(StrEnum):
    """Whose fault an exception is."""

    MEMORY = "memory"
    """The task takes more memory than it may: a fault of the media, unless earlier tasks left theirs behind."""
    MACHINE = "machine"
    """The machine lacks something or fails."""
    MEDIA = "media"
    """FFmpeg, OpenCV or Pillow cannot decode the file."""
    OTHER = "other"
    """What is wrong cannot be told from the exception alone."""


def fault_of(error: BaseException, *, demuxing: bool = False) -> Fault:
    """Return whose fault an exception is.

    Args:
        error: The exception.
        demuxing: Whether FFmpeg was reading a caller's file through Python. A failing disk is Python's own exception
            then, and FFmpeg's EIO and EAGAIN say that the file ends too early.
    """
    import av  # noqa: PLC0415 - heavy, and not needed before something fails
    import cv2  # noqa: PLC0415
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    code = error.errno if isinstance(error, OSError | av.error.FFmpegError) else None
    if isinstance(error, MemoryError) or code == errno.ENOMEM:
        return Fault.MEMORY
    if isinstance(error, cv2.error):
        return Fault.MEMORY if error.code == cv2.Error.StsNoMem else Fault.MEDIA
    from_ffmpeg = isinstance(error, av.error.FFmpegError)
    # FFmpeg's decoders and encoders return EAGAIN where they want more data; it never says what the machine lacks.
    ambiguous = from_ffmpeg and (code == errno.EAGAIN or (demuxing and code == errno.EIO))
    if is_machine_fault(error) and not ambiguous:
        return Fault.MACHINE
    if from_ffmpeg or isinstance(error, UnidentifiedImageError | Image.DecompressionBombError):
        return Fault.MEDIA
    return Fault.OTHER


def is_of_machine(error: BaseException, *, demuxing: bool = False) -> bool:
    """Return whether an exception says nothing of a file, but of the memory or the machine; see `fault_of`."""
    return fault_of(error, demuxing=demuxing) in (Fault.MEMORY, Fault.MACHINE)
