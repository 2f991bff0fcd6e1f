"""Tables at every width: ids, states and progress are never cut, texts only where they must be."""

import io

import pytest
from render_client.cli.output import Output
from render_client.v1 import job_pb2
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


def listing(width: int, *, terminal: bool = True, colour: bool = False, **options: object) -> str:
    """What `render list` prints on a terminal of a width, or into a pipe."""
    output = Output(False, **options)  # type: ignore[arg-type]
    console = Console(
        width=width, file=io.StringIO(), force_terminal=terminal, color_system="truecolor" if colour else None
    )
    output._out = console
    output.jobs(JOBS)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


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


def test_no_text_is_coloured_where_colour_is_off() -> None:
    assert "\x1b[" in listing(120, colour=True)
    assert "\x1b[" not in listing(120)
