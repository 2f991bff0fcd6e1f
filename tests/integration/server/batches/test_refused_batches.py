"""What BatchService refuses: faulty rows, each by its name, and batches that are too large."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import json_format
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import brand_service_pb2 as brands_pb
from render_client.v1 import render_service_pb2 as renders_pb

from render_service.db.batches import staging
from render_service.server.interceptors.requests import MAX_FIELDS, MAX_REQUEST_BYTES
from render_service.server.interceptors.wire_format import has_more_fields
from render_service.server.services.batches.start_batch import BatchStarter
from render_service.server.services.start_render import Prepared
from tests.integration.server.batches.conftest import Workspace, row, template
from tests.integration.server.status import Refusal, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


def fields(error: Refusal) -> list[str]:
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    return error.metadata["fields"].split(",")


async def is_empty(workspace: Workspace) -> bool:
    """Whether the workspace has neither batches nor jobs."""
    batches = await workspace.calls.ListBatches(pb.ListBatchesRequest(workspace_id=workspace.id))
    jobs = await workspace.service.stubs.renders.ListJobs(renders_pb.ListJobsRequest(workspace_id=workspace.id))
    return not batches.batches and not jobs.jobs


async def test_every_faulty_row_is_named_and_none_is_started(workspace: Workspace) -> None:
    rows = [
        row("Ada"),
        pb.BatchRow(),
        pb.BatchRow(variables={"name": "Bob", "town": "Oslo"}),
        row("N" * 2_001),
        pb.BatchRow(variables={"name": "x" * 10_001}),
    ]
    error = await workspace.refused(rows=rows)
    assert fields(error) == ["rows[4].variables[name]"]  # what no template could take is found first
    error = await workspace.refused(rows=rows[:4])
    assert fields(error) == ["rows[1].variables[name]", "rows[2].variables[town]", "rows[3].variables[name]"]
    assert "rows[1].variables[name]: must be given: project.title uses it" in error.message
    assert "rows[2].variables[town]: is used nowhere in the project" in error.message
    assert "rows[3].variables[name]: project.title must" in error.message
    assert await is_empty(workspace)


async def test_no_row_is_checked_once_no_further_fault_is_listed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, checked = BatchStarter._prepare, list[str]()

    async def count(self: BatchStarter, *args: Any) -> Prepared:
        checked.append("row")
        return await prepare(self, *args)

    monkeypatch.setattr(BatchStarter, "_prepare", count)
    error = await workspace.refused(rows=[pb.BatchRow() for _ in range(400)])
    listed = fields(error)
    assert listed == [*(f"rows[{number}].variables[name]" for number in range(len(listed) - 1)), "…"]
    assert f"…: and more; the rows after rows[{len(checked) - 1}] were not checked" in error.message
    assert len(checked) == len(listed) <= 51


@pytest.mark.parametrize("is_dry_run", [True, False])
async def test_the_bytes_of_rows_count_in_dry_runs_and_after_a_fault(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, *, is_dry_run: bool
) -> None:
    monkeypatch.setattr(staging, "MAX_BATCH_BYTES", 8_000)
    first = row("Ada") if is_dry_run else pb.BatchRow()
    error = await workspace.refused(rows=[first, *(row("Bob") for _ in range(40))], dry_run=is_dry_run)
    assert fields(error) == (["rows"] if is_dry_run else ["rows[0].variables[name]", "rows"])
    assert "rows: must have at most 256 MiB in all once the template is filled in" in error.message
    assert await is_empty(workspace)


async def test_faults_of_the_template_and_of_what_all_rows_share_are_reported_once(workspace: Workspace) -> None:
    render = renders_pb.StartRenderRequest(
        workspace_id="elsewhere",
        project=template(storyboard={"shots": [{"id": "one", "caption": "{{name}}", "duration": "-1s"}]}),
        provider="nobody",
        request_id=str(uuid4()),
        dry_run=True,
        priority=101,
    )
    error = await workspace.refused("Ada", "Bob", render=render, max_running=-1)
    assert fields(error) == [
        "max_running",
        "render.workspace_id",
        "render.request_id",
        "render.dry_run",
        "render.project.storyboard.shots[0].duration",
        "render.provider",
        "render.priority",
    ]
    render = renders_pb.StartRenderRequest(project=template(), variables={"town": "Oslo"})
    assert fields(await workspace.refused("Ada", "Bob", render=render)) == ["render.variables[town]"]
    render = renders_pb.StartRenderRequest(project=template(brandKit="acme"))
    assert fields(await workspace.refused("Ada", "Bob", render=render)) == ["rows[0].project.brand_kit"]


async def test_a_brand_kit_is_read_once_for_all_rows(workspace: Workspace) -> None:
    kit = brands_pb.BrandKit(name="acme", fonts=brands_pb.BrandFonts(body="Poppins"))
    await workspace.service.stubs.brands.CreateBrandKit(
        brands_pb.CreateBrandKitRequest(workspace_id=workspace.id, brand_kit=kit)
    )
    render = renders_pb.StartRenderRequest(project=template(brandKit="acme"))
    assert (await workspace.start("Ada", "Bob", render=render)).rows == 2


async def test_rows_are_required_bounded_and_have_distinct_keys(workspace: Workspace) -> None:
    request = workspace.request("Ada")
    for given in ([], [row("Ada")]):
        del request.rows[:]
        request.rows.extend(given)
        request.rows_uri = "https://example.com/rows.jsonl" if given else ""
        assert fields(await refusal(workspace.calls.StartBatch(request))) == ["rows"]
    many = [pb.BatchRow() for _ in range(10_001)]
    assert "rows: must be at most 10,000" in (await workspace.refused(rows=many)).message
    error = await workspace.refused(rows=[row("Ada", "a"), row("Bob", "b" * 129), row("Cleo", "a")])
    assert fields(error) == ["rows[1].key", "rows[2].key"]
    assert "rows[2].key: must be another key than that of rows[0]" in error.message


async def test_rows_are_fetched_and_each_faulty_line_is_named(workspace: Workspace) -> None:
    folder = workspace.service.assets
    folder.mkdir(exist_ok=True)
    file = Path(folder, f"{uuid4()}.jsonl")
    file.write_text('\ufeff{"@key": "a", "name": "Ada"}\n\n{"name": 7.50}\n', encoding="utf-8")
    batch = await workspace.start(rows=[], rows_uri=file.as_uri())
    await workspace.until(batch.batch_id, lambda found: not found.counts.waiting)
    jobs = await workspace.jobs(batch.batch_id)
    assert [(job.batch.key, job.title) for job in jobs] == [("a", "For Ada"), ("", "For 7.50")]
    file.write_text('{"name": "Ada"}\n[1]\n{"name": true}\n\n{"name"\n{"town": "Oslo", "name": ""}\n', encoding="utf-8")
    error = await workspace.refused(rows=[], rows_uri=file.as_uri())
    assert fields(error) == ["rows_uri[line 2]", "rows_uri[line 3]", "rows_uri[line 5]"]
    file.write_text('{"name": "Ada"}\n\n{"town": "Oslo", "name": "Bob"}\n', encoding="utf-8")
    assert fields(await workspace.refused(rows=[], rows_uri=file.as_uri())) == ["rows_uri[line 3].variables[town]"]
    file.write_text("\n", encoding="utf-8")
    assert fields(await workspace.refused(rows=[], rows_uri=file.as_uri())) == ["rows_uri"]
    error = await workspace.refused(rows=[], rows_uri=Path(folder, "absent.jsonl").as_uri())
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ASSET_INVALID")
    assert error.metadata["field"] == "rows_uri"
    for forbidden in ("http://example.com/rows.jsonl", "https://127.0.0.1/rows.jsonl", "file:///etc/passwd"):
        assert fields(await workspace.refused(rows=[], rows_uri=forbidden)) == ["rows_uri"]


async def test_the_largest_batch_fits_in_a_request() -> None:
    rows = [{"key": f"customer-{number}", "variables": dict.fromkeys("abcdefghi", "v")} for number in range(10_000)]
    request = json_format.ParseDict({"rows": rows}, pb.StartBatchRequest())
    data = request.SerializeToString()
    assert len(data) < MAX_REQUEST_BYTES
    assert not has_more_fields(data, pb.StartBatchRequest.DESCRIPTOR, MAX_FIELDS)
