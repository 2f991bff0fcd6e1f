"""Both clients have a method for every RPC of the contract, and the same methods."""

import inspect
import runpy
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from render_client import AsyncRenderClient, RenderClient
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    error_reason_pb2,
    job_pb2,
    output_pb2,
    project_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

from tests.unit.client.fake_service import FakeService

ROOT = Path(__file__).resolve().parents[4]
SERVICES = (render_service_pb2, project_service_pb2, webhook_service_pb2, brand_service_pb2, batch_service_pb2)
RPCS = {
    method.name
    for module in SERVICES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def test_every_rpc_of_the_contract_is_called_by_a_method(
    client: RenderClient, service: FakeService, tmp_path: Path
) -> None:
    project = client.create_project(project_pb2.Project(title="one"))
    client.get_project(project.project_id)
    client.update_project(project)
    list(client.list_projects())
    client.delete_project(project.project_id)
    job = client.start(project_id="p")
    service.run_to_end(job.job_id)
    next(client.watch_workspace(start="oldest"))
    client.wait(job.job_id)
    client.cancel(job.job_id)
    list(client.list())
    list(client.list_voices())
    client.frame(project)
    client.download(job.job_id, tmp_path / "v.mp4")
    client.create_download_url(job.job_id)
    client.delete_job(job.job_id)
    kit = client.create_brand_kit(brand_service_pb2.BrandKit(name="acme"))
    client.get_brand_kit("acme")
    client.update_brand_kit(kit)
    client.list_brand_kits()
    client.delete_brand_kit("acme")
    batch = client.start_batch([{"name": "Ada"}], project_id=project.project_id).batch
    client.get_batch(batch.batch_id)
    list(client.list_batches())
    list(client.watch_batch(batch.batch_id))
    client.cancel_batch(batch.batch_id)
    client.retry_batch(batch.batch_id)
    font = client.upload_font(b"a font", family="Acme Sans", replace=True)
    client.get_font(font.font_id)
    client.list_fonts()
    client.delete_font(font.font_id)
    webhook = client.create_webhook("https://example.com/")
    client.list_webhooks()
    client.webhook_secret()
    list(client.list_webhook_deliveries())
    client.redeliver_webhook("d")
    client.delete_webhook(webhook.webhook_id)
    assert set(service.calls) == RPCS


def surface_of(client: type) -> Mapping[str, object]:
    """What a caller sees of each public method: parameters with types and defaults, the result, the description."""
    found = {}
    for name, method in inspect.getmembers(client):
        if callable(method) and (not name.startswith("_") or name == "__init__"):
            signature = inspect.signature(method)
            parameters = [
                (each.name, each.kind, each.default, each.annotation) for each in signature.parameters.values()
            ]
            found[name] = (parameters, inspect.getdoc(method))
    return found


@pytest.mark.parametrize("name", sorted(surface_of(RenderClient).keys() | surface_of(AsyncRenderClient).keys()))
def test_both_clients_offer_the_same(name: str) -> None:
    assert surface_of(RenderClient)[name] == surface_of(AsyncRenderClient)[name]
    assert inspect.getdoc(RenderClient) == inspect.getdoc(AsyncRenderClient)


def test_the_synchronous_client_is_generated_from_the_asyncio_client() -> None:
    assert runpy.run_path(str(ROOT / "scripts/generate_sync_client.py"), run_name="x")["main"](["--check"]) == 0


@pytest.mark.parametrize(
    "file", [*SERVICES, error_reason_pb2, job_pb2, output_pb2, project_pb2], ids=lambda file: file.DESCRIPTOR.name
)
def test_a_file_of_the_contract_says_where_stubs_of_other_languages_belong(file: ModuleType) -> None:
    # Without go_package, `protoc --go_out` refuses the file; without multiple files, Java nests every message.
    options = file.DESCRIPTOR.GetOptions()
    assert options.go_package == "example.com/render/v1;renderv1"
    assert (options.java_package, options.java_multiple_files) == ("com.render.v1", True)
