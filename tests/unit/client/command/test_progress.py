"""What a watch looks like on a terminal, and without one."""

import io
import re

import pytest
from render_client.cli.progress import WatchDisplay, show_download, show_watch
from render_client.v1 import job_pb2
from rich.console import Console

EVENTS = [
    job_pb2.JobEvent(job_id="0198c0de-7a11", status=job_pb2.JOB_STATUS_PENDING, message="Waiting"),
    job_pb2.JobEvent(
        job_id="0198c0de-7a11",
        status=job_pb2.JOB_STATUS_PROCESSING,
        stage=job_pb2.JOB_STAGE_COMPOSING,
        progress=40,
        message="Shot [red]2[/red] of 6",
    ),
    job_pb2.JobEvent(
        job_id="0198c0de-7a11", status=job_pb2.JOB_STATUS_FAILED, progress=40, error_message="The picture is broken"
    ),
]


def terminal(width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_every_change_is_a_line() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)
    assert show_watch(EVENTS, console) == EVENTS[-1]
    assert text_of(console).splitlines() == [
        "0198c0de    0 %  PENDING  Waiting",
        "0198c0de   40 %  COMPOSING  Shot [red]2[/red] of 6",
        "0198c0de   40 %  FAILED  The picture is broken",
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_warnings_of_a_completed_job_follow_its_end(is_terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100)
    warning = job_pb2.JobWarning(code=job_pb2.WARNING_CODE_ASSET_REPLACED, message="one.image_uri: [empty]")
    show_watch([job_pb2.JobEvent(job_id="a", status=job_pb2.JOB_STATUS_COMPLETED, warnings=[warning])], console)
    assert "warning: one.image_uri: [empty]" in text_of(console)


def test_on_a_terminal_the_bar_shows_stage_percentage_and_message_as_they_are() -> None:
    console = terminal()
    with WatchDisplay(console) as display:
        for event in EVENTS[:2]:
            display.show(event, "Harbour [draft]")
    drawn = text_of(console)
    for words in ("Harbour [draft]", "COMPOSING", " 40 %", "Shot [red]2[/red] of 6"):
        assert words in drawn


def test_the_last_state_stays_in_view_on_one_line() -> None:
    console = terminal(60)
    show_watch([*EVENTS[:2], job_pb2.JobEvent(job_id="0198c0de-7a11", status=job_pb2.JOB_STATUS_CANCELLED)], console)
    drawn = text_of(console).removesuffix("\n\x1b[?25h")
    assert "CANCELLED" in drawn.rpartition("\r")[2]
    assert "\n" not in drawn


def test_a_failure_is_shown_in_full_on_lines_of_its_own() -> None:
    console = terminal(60)
    cause = "shot-1.image_uri: could not resolve host pictures.example.invalid; check the URL of the picture"
    failed = job_pb2.JobEvent(
        job_id="0198c0de-7a11", status=job_pb2.JOB_STATUS_FAILED, error_reason="ASSET_INVALID", error_message=cause
    )
    show_watch([*EVENTS[:2], failed], console)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text_of(console)).replace("\r", "\n")
    assert f"0198c0de FAILED ASSET_INVALID: {cause}" in " ".join(lines.split())


def test_a_watch_of_nothing_gives_nothing() -> None:
    assert show_watch([], terminal()) is None


def test_an_error_of_the_watch_leaves_the_terminal_in_order() -> None:
    console = terminal()

    def broken() -> None:
        with WatchDisplay(console) as display:
            display.show(EVENTS[0])
            raise InterruptedError

    with pytest.raises(InterruptedError):
        broken()
    # The cursor is shown again.
    assert text_of(console).endswith("\x1b[?25h")


def test_a_download_shows_its_bytes() -> None:
    console = terminal()
    show_download(lambda progress: progress(500_000, 1_000_000), "video.mp4", console)
    assert "video.mp4" in text_of(console)
    assert "0.5/1.0 MB" in text_of(console)
