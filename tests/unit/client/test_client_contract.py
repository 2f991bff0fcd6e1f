"""Both clients have a method for every RPC of the contract, and the same methods."""

import inspect
from pathlib import Path

import pytest
from render.v1 import project_pb2, project_service_pb2, render_service_pb2, webhook_service_pb2
from render_client import AsyncRenderClient, RenderClient

from tests.unit.client.fake_service import FakeService

SERVICES = (render_service_pb2, project_service_pb2, webhook_service_pb2)
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
    client.download(job.job_id, tmp_path / "v.mp4")
    client.create_download_url(job.job_id)
    client.delete_job(job.job_id)
    webhook = client.create_webhook("https://example.com/")
    client.list_webhooks()
    client.webhook_secret()
    list(client.list_webhook_deliveries())
    client.redeliver_webhook("d")
    client.delete_webhook(webhook.webhook_id)
    assert set(service.calls) == RPCS


def methods_of(client: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_clients_have_the_same_methods() -> None:
    assert methods_of(RenderClient).keys() == methods_of(AsyncRenderClient).keys()


@pytest.mark.parametrize("name", sorted(methods_of(RenderClient)))
def test_a_method_takes_the_same_in_both_clients(name: str) -> None:
    synchronous, asynchronous = methods_of(RenderClient)[name], methods_of(AsyncRenderClient)[name]
    # asyncio has its own way of giving up: `asyncio.timeout`.
    expected = [parameter for key, parameter in synchronous.parameters.items() if key != "timeout"]
    assert expected == list(asynchronous.parameters.values())
