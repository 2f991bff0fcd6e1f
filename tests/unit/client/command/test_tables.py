"""Tables at every width: ids, states and progress are never cut, texts only where they must be."""

import io
import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
from render_client.cli.output import Output
from render_client.v1 import job_pb2, project_pb2, webhook_service_pb2
from rich.cells import cell_len
from rich.console import Console

IDS = ("0b5f2c6e-8a4b-4d0f-9a53-0d7b2e5a1f10", "9c1d7e20-33aa-4f6c-8b1e-6f2a4c8d9e01")
CAUSE = "shot-1.image_uri: could not resolve host pictures.example.invalid; check the URL, or upload the picture"
JOBS = (
    job_pb2.Job(
        job_id=IDS[0],
        status=job_pb2.JOB_STATUS_PROCESSING,
        progress=7,
        message="正在合成第十二个镜头,还剩三个镜头" * 3,
        provider="local",
        title="第一支视频",
    ),
    job_pb2.Job(
        job_id=IDS[1],
        status=job_pb2.JOB_STATUS_CANCELLED,
        progress=93,
        error_reason="ASSET_INVALID",
        error_message=CAUSE,
        labels={"team": "sea"},
    ),
)


OTHERS: dict[str, Callable[[Output], None]] = {
    "projects": lambda output: output.projects(
        [project_pb2.Project(project_id=IDS[0], status=project_pb2.PROJECT_STATUS_SCRIPT_READY, title="渔村" * 60)]
    ),
    "webhooks": lambda output: output.webhooks(
        [webhook_service_pb2.Webhook(webhook_id=IDS[0], url="https://example.com/" + "a" * 90, labels={"team": "海"})]
    ),
    "deliveries": lambda output: output.deliveries(
        [
            webhook_service_pb2.WebhookDelivery(
                delivery_id=IDS[0], type="job.completed", attempts=12, url="https://example.com/" + "a" * 90
            )
        ]
    ),
}


def printed_by(
    show: Callable[[Output], None],
    width: int,
    *,
    terminal: bool = True,
    colours: Literal["truecolor", "auto"] | None = None,
    **options: object,
) -> str:
    """What a command prints on a terminal of a width, or into a pipe."""
    output = Output(False, **options)  # type: ignore[arg-type]
    console = Console(width=width, file=io.StringIO(), force_terminal=terminal, color_system=colours)
    output.out = console
    show(output)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def listing(width: int, **options: Any) -> str:
    """What `render list` prints."""
    return printed_by(lambda output: output.jobs(JOBS), width, **options)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_table_fits_the_terminal_and_cuts_nothing_that_matters(width: int) -> None:
    printed = listing(width)
    lines = printed.splitlines()
    assert all(cell_len(line) <= width for line in lines), "a Chinese character takes two cells"
    for job, status in zip(JOBS, ("PROCESSING", "CANCELLED"), strict=True):
        (line,) = (line for line in lines if line.startswith(job.job_id[:8]))
        assert line.split()[0] in (job.job_id, job.job_id[:8])
        assert status in line
        assert f"{job.progress} %" in line
    # Wrapped between words, but complete.
    assert f"ASSET_INVALID: {CAUSE}" in " ".join(printed.split())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("kind", OTHERS)
def test_the_other_tables_fit_too(kind: str, width: int) -> None:
    printed = printed_by(OTHERS[kind], width)
    header, line = printed.splitlines()
    assert all(cell_len(each) <= width for each in (header, line))
    assert line.split()[0] in (IDS[0], IDS[0][:8])
    assert {"projects": "SCRIPT_READY", "webhooks": "terminal", "deliveries": "job.completed  12"}[kind] in line


def test_titles_stay_where_only_one_text_fits() -> None:
    assert all("第一支视频" in listing(width) for width in (60, 80, 120))
    assert "message" not in listing(60).splitlines()[0]


def test_ids_are_in_full_where_there_is_room() -> None:
    assert IDS[0][:8] in listing(60)
    assert IDS[0] not in listing(60)
    assert all(job_id in listing(120) for job_id in IDS)


@pytest.mark.parametrize("options", [{"wide": True}, {}], ids=["wide", "piped"])
def test_wide_and_piped_tables_shorten_nothing(options: dict[str, bool]) -> None:
    printed = listing(60, terminal=bool(options), **options)
    assert all(job_id in printed for job_id in IDS)
    assert JOBS[0].message in printed
    assert f"  ASSET_INVALID: {CAUSE}\n" in printed
    assert ("team = sea" in printed) == bool(options)


def test_columns_are_chosen_by_name_in_order() -> None:
    header, first, *_ = listing(200, columns="progress, job").splitlines()
    assert header.split() == ["progress", "job"]
    assert first.split() == ["7", "%", IDS[0]]


def test_no_text_is_coloured_where_colour_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    colour = re.compile(r"\x1b\[3[0-9]m")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colour.search(listing(120, colours="auto"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(listing(120, colours="auto"))
    assert "\x1b[" not in listing(120)
