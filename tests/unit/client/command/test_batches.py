"""The commands `render batch …`, and the watch of a batch."""

import json
from pathlib import Path

import pytest
from render_client import InvalidRequestError, RenderClient
from render_client.cli.batches.rows import read_rows
from render_client.status_details import FieldFault
from render_client.v1 import batch_service_pb2 as pb

from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_batches import BATCH_ID
from tests.unit.client.fake_service import FakeService

TEMPLATE = "title: For {{name}}\nstoryboard:\n  shots:\n    - caption: Hello, {{name}}\n"


def table(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", '\ufeff@key,name,note\na,Ada,"1, 2\n3"\n\nb,Grace,4\n'),
        (
            "rows.jsonl",
            '{"@key": "a", "name": "Ada", "note": "1, 2\\n3"}\n\n{"@key": "b", "name": "Grace", "note": 4}\n',
        ),
    ],
)
def test_start_sends_the_rows_of_a_file(run: Run, service: FakeService, tmp_path: Path, name: str, text: str) -> None:
    template, rows = table(tmp_path, "template.yaml", TEMPLATE), table(tmp_path, name, text)
    result = run("batch", "start", str(template), "--rows", str(rows), "--max-running", "4", "--var", "city=Oslo")
    assert (result.exit_code, result.stdout) == (0, f"{BATCH_ID}\n")
    (request,) = service.batches.requests
    assert [(row.key, dict(row.variables)) for row in request.rows] == [
        ("a", {"name": "Ada", "note": "1, 2\n3"}),
        ("b", {"name": "Grace", "note": "4"}),
    ]
    assert (request.max_running, request.render.project.title) == (4, "For {{name}}")
    assert dict(request.render.variables) == {"city": "Oslo"}
    assert request.request_id
    assert not request.render.request_id


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("rows.csv", "name,name\n", "rows.csv:1: must name each column once; name does not"),
        ("rows.csv", "name,town\nAda\n", "rows.csv:2: must have 2 columns, as the first line; has 1"),
        ("rows.csv", 'name\n"a\nb"\nc,d\n', "rows.csv:4: must have 1 columns, as the first line; has 2"),
        ("rows.csv", "name\n", "rows.csv: has no rows"),
        ("rows.jsonl", '{"name": "Ada"}\nAda\n', "rows.jsonl:2: must be a JSON object"),
        ("rows.jsonl", '{"name": null}\n', "rows.jsonl:1: name: must be a text or a number"),
        ("rows.txt", "", "rows.txt: must end in .csv or .jsonl"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_line(
    run: Run, tmp_path: Path, name: str, text: str, fault: str
) -> None:
    template, rows = table(tmp_path, "template.yaml", TEMPLATE), table(tmp_path, name, text)
    result = run("batch", "start", str(template), "--rows", str(rows))
    assert result.exit_code == 2
    assert f"error: {tmp_path}/{fault}" in result.stderr


def test_faults_of_rows_name_the_line_of_the_file(tmp_path: Path) -> None:
    rows = read_rows(table(tmp_path, "rows.jsonl", '{"a": "1"}\n\n{"a": "2"}\n'))
    error = InvalidRequestError(
        "invalid",
        field_faults=[
            FieldFault("rows[1].variables[a]", "must be given"),
            FieldFault("rows[0]", "is empty"),
            FieldFault("render.project.title", "is long"),
        ],
    )
    rows.locate(error)
    assert [fault.field for fault in error.field_faults] == [
        f"{rows.path}:3: variables[a]",
        f"{rows.path}:1",
        "project.title",
    ]


def test_a_watch_shows_the_counts_and_names_the_rows_that_failed(
    run: Run, service: FakeService, tmp_path: Path
) -> None:
    template, rows = (
        table(tmp_path, "t.yaml", TEMPLATE),
        table(tmp_path, "r.csv", "@key,name\nc-1,Ada\n,Bob\nc-3,Cleo\n"),
    )
    service.batches.failing = {0, 1}
    result = run("batch", "start", str(template), "--rows", str(rows), "--watch")
    assert result.exit_code == 1
    assert "RUNNING  0/3  3 waiting" in result.stderr
    assert "c-1  FAILED  ASSET_INVALID: bad picture" in result.stderr
    assert "row 2  FAILED  ASSET_INVALID: bad picture" in result.stderr
    assert "FAILED  3/3  1 completed, 2 failed" in result.stderr
    assert "2 rows are rendered again" in run("batch", "retry", BATCH_ID).stderr


def test_batches_are_shown_listed_and_cancelled(run: Run, service: FakeService) -> None:
    service.batches.batch.counts.completed = 3
    for command in (("get", BATCH_ID[:8]), ("list",), ("cancel", BATCH_ID)):
        assert f"{BATCH_ID}  RUNNING    3 completed  For {{{{name}}}}" in run("batch", *command).stdout
    assert json.loads(run("batch", "get", BATCH_ID, "--json").stdout)["batch_id"] == BATCH_ID
    dry = run("batch", "start", "--project-id", BATCH_ID, "--rows-uri", "https://example.com/r.jsonl", "--dry-run")
    assert "all rows are valid; estimated cost: 1.5 USD" in dry.stderr


def test_a_watch_that_breaks_resumes_after_its_last_end(client: RenderClient, service: FakeService) -> None:
    service.batches.breaks = 2
    batch = client.start_batch([{"name": "Ada"}, {"name": "Bob"}, {"@key": "c", "name": "Cleo"}], project_id="p").batch
    changes = list(client.watch_batch(batch.batch_id))
    assert [change.ended.row for change in changes if change.ended is not None] == [0, 1, 2]
    assert changes[-1].batch is not None
    assert changes[-1].batch.state == pb.BATCH_STATE_COMPLETED
    assert service.batches.cursors == ["", "1", "2"]
    assert service.batches.requests[0].rows[2] == pb.BatchRow(key="c", variables={"name": "Cleo"})
