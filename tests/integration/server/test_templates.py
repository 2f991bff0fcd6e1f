"""What templates promise, over the wire: stored and inline projects with variables, and what is refused about them."""

from uuid import uuid4

import grpc
import pytest
from render_client.v1 import project_pb2, project_service_pb2, render_service_pb2

from tests.integration.server.conftest import Service, project_message
from tests.integration.server.status import Refusal, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

CITIES = {
    "title": "{{city}}",
    "storyboard": {
        "shots": [
            {"id": "one", "caption": "Hello, {{ city }}! \\{{city}}", "imageUri": "https://{{host}}/{{city}}.png"},
            {"id": "two", "narration": "Goodbye."},
        ]
    },
}


async def create(service: Service, **fields: object) -> project_pb2.Project:
    request = project_service_pb2.CreateProjectRequest(
        workspace_id=service.workspace, project=project_message(**fields)
    )
    return (await service.stubs.projects.CreateProject(request)).project


async def refused(service: Service, project: project_pb2.Project | str, **fields: object) -> Refusal:
    source = {"project_id": project} if isinstance(project, str) else {"project": project}
    request = render_service_pb2.StartRenderRequest(workspace_id=service.workspace, **source, **fields)  # type: ignore[arg-type]
    return await refusal(service.stubs.renders.StartRender(request))


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "inline"])
async def test_a_job_renders_the_project_with_the_values_in_place(service: Service, stored: bool) -> None:
    values = {"city": "Oslo", "host": "example.com"}
    if stored:
        made = await create(service, **CITIES)
        assert made.title == "{{city}}"
        job = await service.start(project_id=made.project_id, variables=values)
    else:
        job = await service.start(project=project_message(**CITIES), variables=values)
    project = (await service.claim(job.job_id)).spec.project
    assert project.title == "Oslo"
    assert project.shots[0].caption == "Hello, Oslo! {{city}}"
    assert project.shots[0].image_uri == "https://example.com/Oslo.png"
    assert project.shots[1].narration == "Goodbye."


async def test_a_template_stays_as_it_is_however_often_it_is_rendered(service: Service) -> None:
    made = await create(service, **CITIES)
    request = project_service_pb2.UpdateProjectRequest(workspace_id=service.workspace, project=made)
    made = (await service.stubs.projects.UpdateProject(request)).project
    for city in ("Oslo", "{{city}}"):
        job = await service.start(project_id=made.project_id, variables={"city": city, "host": "example.com"})
        assert (await service.claim(job.job_id)).spec.project.title == city
    named = project_service_pb2.GetProjectRequest(workspace_id=service.workspace, project_id=made.project_id)
    kept = (await service.stubs.projects.GetProject(named)).project
    assert (kept.title, kept.storyboard) == (made.title, made.storyboard)


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "inline"])
@pytest.mark.parametrize("dry_run", [True, False], ids=["dry-run", "render"])
async def test_every_missing_and_every_unknown_name_is_reported(service: Service, stored: bool, dry_run: bool) -> None:
    project = (await create(service, **CITIES)).project_id if stored else project_message(**CITIES)
    error = await refused(service, project, variables={"town": "Oslo", "land": "NO"}, dry_run=dry_run)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert error.metadata == {"fields": "variables[city],variables[host],variables[land],variables[town]"}
    assert "variables[city]: must be given: project.title uses it" in error.message
    assert "variables[town]: is used nowhere in the project" in error.message


async def test_without_variables_a_template_is_refused_and_another_project_is_not(service: Service) -> None:
    error = await refused(service, project_message(**CITIES))
    assert error.metadata == {"fields": "variables[city],variables[host]"}
    await service.start(project=project_message(title="{{ not a name }} {{}} {{"))


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "inline"])
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"city": "x" * 201, "host": "example.com"}, "project.title"),
        ({"city": "Oslo", "host": "10.0.0.1"}, "project.storyboard.shots[0].image_uri"),
        ({"city": "Oslo", "host": "user@example.com"}, "project.storyboard.shots[0].image_uri"),
        ({"city": "New York", "host": "example.com"}, "project.storyboard.shots[0].image_uri"),
    ],
)
async def test_the_rules_hold_for_what_the_fields_have_become(
    service: Service, stored: bool, values: dict[str, str], field: str
) -> None:
    project = (await create(service, **CITIES)).project_id if stored else project_message(**CITIES)
    error = await refused(service, project, variables=values)
    assert (error.code, error.metadata) == (grpc.StatusCode.INVALID_ARGUMENT, {"fields": field})


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"a-b secret": "x"}, "variables"),
        ({"": "x"}, "variables"),
        ({f"v{number}": "" for number in range(101)}, "variables"),
        ({"city": "x" * 10_001}, "variables[city]"),
        ({"city": "a\0b"}, "variables[city]"),
    ],
)
async def test_names_and_values_keep_their_limits(service: Service, values: dict[str, str], field: str) -> None:
    error = await refused(service, project_message(title="{{city}}"), variables=values)
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.metadata["fields"].split(",")
    assert "secret" not in error.message


async def test_a_template_is_refused_at_once_for_what_no_value_can_mend(service: Service) -> None:
    shots = [{"imageUri": "ftp://{{host}}/a.png"}, {"imageUri": "https://10.0.0.1/{{city}}.png"}]
    request = project_service_pb2.CreateProjectRequest(
        workspace_id=service.workspace, project=project_message(storyboard={"shots": shots})
    )
    error = await refusal(service.stubs.projects.CreateProject(request))
    fields = "project.storyboard.shots[0].image_uri,project.storyboard.shots[1].image_uri"
    assert error.metadata == {"fields": fields}


async def test_variables_belong_to_the_request_that_a_request_id_stands_for(service: Service) -> None:
    request_id = str(uuid4())
    values = {f"v{number}": str(number) for number in range(20)}
    project = project_message(title="".join(f"{{{{{name}}}}}" for name in values))
    job = await service.start(project=project, variables=values, request_id=request_id)
    again = await service.start(project=project, variables=dict(reversed(values.items())), request_id=request_id)
    assert again.job_id == job.job_id
    error = await refused(service, project, variables=values | {"v0": "x"}, request_id=request_id)
    assert error.reason == "REQUEST_ID_REUSED"


async def test_prompts_are_held_against_the_model_as_they_have_become(service: Service) -> None:
    shots = [{"visualDescription": "{{mood}} sea"}]
    project = project_message(storyboard={"shots": shots})
    error = await refused(service, project, variables={"mood": "x" * 2_000}, provider="runway", dry_run=True)
    assert error.metadata == {"fields": "project.storyboard.shots[0].visual_description"}
