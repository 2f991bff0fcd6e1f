"""Every RPC that the server has is covered by a rule, by construction."""

import importlib
import pkgutil

import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from render_client import v1
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

from render_service.server.interceptors.authorization import RULES, Rule, is_open
from render_service.server.interceptors.watches import WATCHES
from render_service.server.listener import SERVICES
from render_service.server.services.batches.service import BatchServicer
from render_service.server.services.brand import BrandServicer
from render_service.server.services.project import ProjectServicer
from render_service.server.services.render import RenderServicer
from render_service.server.services.webhook import WebhookServicer

FILES = (
    render_service_pb2,
    project_service_pb2,
    webhook_service_pb2,
    brand_service_pb2,
    batch_service_pb2,
    health_pb2,
    reflection_pb2,
)
OURS = "render.v1."
SERVICERS: dict[str, type] = {
    "render.v1.RenderService": RenderServicer,
    "render.v1.ProjectService": ProjectServicer,
    "render.v1.WebhookService": WebhookServicer,
    "render.v1.BrandService": BrandServicer,
    "render.v1.BatchService": BatchServicer,
}


def services() -> list[ServiceDescriptor]:
    return [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]


METHODS: dict[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method for service in services() for method in service.methods
}
# The second name of the same methods.
METHODS |= {
    name.replace(".v1alpha.", ".v1."): method for name, method in METHODS.items() if ".reflection.v1alpha." in name
}


def test_every_rpc_has_a_rule_and_every_rule_an_rpc() -> None:
    assert METHODS.keys() == RULES.keys()


@pytest.mark.parametrize("method", [name for name in METHODS if name.startswith(f"/{OURS}")])
def test_every_rpc_of_ours_has_a_handler(method: str) -> None:
    _, service, name = method.split("/")
    assert name in vars(SERVICERS[service]), "only the generated method, which answers UNIMPLEMENTED"


def test_watches_are_the_streams_with_heartbeats() -> None:
    assert {method.rpartition("/")[2] for method in WATCHES} == {"WatchProgress", "WatchWorkspace", "WatchBatch"}
    assert METHODS.keys() >= WATCHES


def test_the_server_serves_every_service_of_the_contract() -> None:
    files = [importlib.import_module(f"render_client.v1.{module.name}") for module in pkgutil.iter_modules(v1.__path__)]
    contract = {
        service.full_name
        for file in files
        if hasattr(file, "DESCRIPTOR")
        for service in file.DESCRIPTOR.services_by_name.values()
    }
    assert contract == set(SERVICES)
    assert contract == {service.full_name for service in services() if service.full_name.startswith(OURS)}


@pytest.mark.parametrize("method", [name for name in METHODS if name.startswith(f"/{OURS}")])
def test_every_rpc_of_the_contract_names_a_workspace_and_asks_for_access_to_it(method: str) -> None:
    field = METHODS[method].input_type.fields_by_name["workspace_id"]
    assert (field.number, field.type) == (1, field.TYPE_STRING)
    assert RULES[method] in (Rule.READ, Rule.WRITE)
    assert not is_open(method)


@pytest.mark.parametrize(
    "method",
    [
        name
        for name in METHODS
        if name.rpartition("/")[2].startswith(("Get", "List", "Watch")) and not name.endswith("Secret")
    ],
)
def test_what_only_reads_is_open_to_those_who_may_only_read(method: str) -> None:
    assert RULES[method] is not Rule.WRITE


@pytest.mark.parametrize(
    "method",
    [
        name
        for name in METHODS
        if name.rpartition("/")[2].startswith(
            ("Start", "Cancel", "CreateP", "CreateW", "Update", "Delete", "Redeliver", "GetWebhookSecret")
        )
    ],
)
def test_what_changes_something_asks_for_write_access(method: str) -> None:
    assert RULES[method] is Rule.WRITE


def test_a_method_without_a_rule_is_not_open() -> None:
    assert not is_open("/render.v1.RenderService/Unheard")
