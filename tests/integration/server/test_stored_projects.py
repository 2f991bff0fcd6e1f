"""What ProjectService promises, over the wire."""

import grpc
import pytest
from render_client.v1 import project_pb2
from render_client.v1 import project_service_pb2 as pb

from tests.integration.server.conftest import Service, project_message
from tests.integration.server.status import refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def create(service: Service, **fields: object) -> project_pb2.Project:
    request = pb.CreateProjectRequest(workspace_id=service.workspace, project=project_message(**fields))
    return (await service.stubs.projects.CreateProject(request)).project


async def get(service: Service, project_id: str) -> project_pb2.Project:
    request = pb.GetProjectRequest(workspace_id=service.workspace, project_id=project_id)
    return (await service.stubs.projects.GetProject(request)).project


async def test_a_project_is_kept_as_it_was_given_and_what_the_service_sets_is_not_the_callers(
    service: Service,
) -> None:
    made = await create(service, title="渲染", workspaceId="elsewhere", status="PROJECT_STATUS_FAILED", etag="99")
    assert (made.title, made.workspace_id) == ("渲染", service.workspace)
    assert made.status == project_pb2.PROJECT_STATUS_SCRIPT_READY
    assert made.etag not in ("", "99")
    assert [shot.id for shot in made.storyboard.shots] == ["one", "two"]
    assert await get(service, made.project_id) == made


async def test_a_project_without_shots_can_be_stored_and_is_pending(service: Service) -> None:
    made = await create(service, storyboard={})
    assert made.status == project_pb2.PROJECT_STATUS_PENDING


async def test_an_update_with_an_old_etag_is_aborted_and_returns_the_current_one(service: Service) -> None:
    made = await create(service)
    made.title = "Second"
    request = pb.UpdateProjectRequest(workspace_id=service.workspace, project=made)
    second = (await service.stubs.projects.UpdateProject(request)).project
    assert (second.title, second.project_id) == ("Second", made.project_id)
    for etag in (made.etag, "x", "-1", "9" * 30):
        made.etag = etag
        request = pb.UpdateProjectRequest(workspace_id=service.workspace, project=made)
        error = await refusal(service.stubs.projects.UpdateProject(request))
        assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
        assert error.metadata == {"project_id": made.project_id, "etag": second.etag}


async def test_a_job_keeps_the_project_it_was_started_with(service: Service) -> None:
    made = await create(service)
    job = await service.start(project_id=made.project_id)
    assert job.project_id == made.project_id
    assert (await get(service, made.project_id)).status == project_pb2.PROJECT_STATUS_PROCESSING
    made.ClearField("etag")
    made.title = "Changed"
    await service.stubs.projects.UpdateProject(pb.UpdateProjectRequest(workspace_id=service.workspace, project=made))
    assert (await service.claim(job.job_id)).spec.project.title == "Test"


async def test_a_new_project_knows_nothing_of_the_jobs_of_others(service: Service) -> None:
    first = await create(service)
    await service.start(project_id=first.project_id)
    assert (await create(service)).status == project_pb2.PROJECT_STATUS_SCRIPT_READY


async def test_pages_lead_through_all_projects_newest_first(service: Service) -> None:
    made = [(await create(service)).project_id for _ in range(3)]
    found, token = [], ""
    while True:
        request = pb.ListProjectsRequest(workspace_id=service.workspace, page_size=2, page_token=token)
        page = await service.stubs.projects.ListProjects(request)
        found += [project.project_id for project in page.projects]
        token = page.next_page_token
        if not token:
            break
    assert found == made[::-1]


async def test_a_token_of_another_workspaces_list_is_refused(service: Service) -> None:
    for _ in range(2):
        await create(service)
    request = pb.ListProjectsRequest(workspace_id=service.workspace, page_size=1)
    token = (await service.stubs.projects.ListProjects(request)).next_page_token
    request = pb.ListProjectsRequest(workspace_id="stranger", page_size=1, page_token=token)
    assert (await refusal(service.stubs.projects.ListProjects(request))).reason == "INVALID_PAGE_TOKEN"


async def test_a_deleted_project_is_gone_and_its_jobs_stay(service: Service) -> None:
    made = await create(service)
    job = await service.start(project_id=made.project_id)
    request = pb.DeleteProjectRequest(workspace_id=service.workspace, project_id=made.project_id)
    await service.stubs.projects.DeleteProject(request)
    assert (await refusal(service.stubs.projects.DeleteProject(request))).code is grpc.StatusCode.NOT_FOUND
    assert (await service.get(job.job_id)).project_id == made.project_id


async def test_projects_of_another_workspace_are_as_absent_as_those_that_never_were(service: Service) -> None:
    made = await create(service)
    theirs = "stranger"
    for call in (
        service.stubs.projects.GetProject(pb.GetProjectRequest(workspace_id=theirs, project_id=made.project_id)),
        service.stubs.projects.UpdateProject(pb.UpdateProjectRequest(workspace_id=theirs, project=made)),
        service.stubs.projects.DeleteProject(pb.DeleteProjectRequest(workspace_id=theirs, project_id=made.project_id)),
    ):
        error = await refusal(call)
        assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND")


async def test_wrong_fields_of_a_project_are_named_all_at_once(service: Service) -> None:
    request = pb.UpdateProjectRequest(workspace_id="", project=project_message(title="x" * 201, projectId="42"))
    error = await refusal(service.stubs.projects.UpdateProject(request))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(error.metadata["fields"].split(",")) == {"workspace_id", "project.project_id", "project.title"}
    error = await refusal(service.stubs.projects.CreateProject(pb.CreateProjectRequest(workspace_id="a")))
    assert error.metadata["fields"] == "project"


def _large(service: Service, shots: int) -> pb.CreateProjectRequest:
    """A project of some 12 kB a shot."""
    board = project_pb2.Storyboard()
    for number in range(shots):
        board.shots.add(id=f"s{number}", visual_description="d" * 4_000, narration="文" * 2_700)
    return pb.CreateProjectRequest(
        workspace_id=service.workspace, project=project_pb2.Project(title="Large", storyboard=board)
    )


async def test_lists_fit_in_a_message_in_both_views(service: Service) -> None:
    made = [
        (await service.stubs.projects.CreateProject(_large(service, 80))).project.project_id for _ in range(6)
    ]  # 6 MB in all
    for view, has_shots in (
        (project_pb2.PROJECT_VIEW_UNSPECIFIED, False),
        (project_pb2.PROJECT_VIEW_BASIC, False),
        (project_pb2.PROJECT_VIEW_FULL, True),
    ):
        found, pages, token = [], 0, ""
        while True:
            request = pb.ListProjectsRequest(workspace_id=service.workspace, page_size=50, page_token=token, view=view)
            page = await service.stubs.projects.ListProjects(request)
            assert page.ByteSize() < 3_500_000
            found += list(page.projects)
            pages, token = pages + 1, page.next_page_token
            if not token:
                break
        assert [project.project_id for project in found] == made[::-1]
        assert pages == (2 if has_shots else 1)
        for project in found:
            assert project.shot_count == 80
            assert project.status == project_pb2.PROJECT_STATUS_SCRIPT_READY
            assert len(project.storyboard.shots) == (80 if has_shots else 0)


async def test_a_project_listed_without_its_storyboard_cannot_replace_the_complete_one(service: Service) -> None:
    created = (await service.stubs.projects.CreateProject(_large(service, 1))).project
    for view in (project_pb2.PROJECT_VIEW_BASIC, project_pb2.PROJECT_VIEW_FULL):
        listed = await service.stubs.projects.ListProjects(
            pb.ListProjectsRequest(workspace_id=service.workspace, view=view)
        )
        (project,) = listed.projects
        project.title = "Renamed"
        update = service.stubs.projects.UpdateProject(
            pb.UpdateProjectRequest(workspace_id=service.workspace, project=project)
        )
        if view == project_pb2.PROJECT_VIEW_FULL:
            assert (await update).project.storyboard == created.storyboard
        else:
            error = await refusal(update)
            assert (error.reason, error.metadata) == ("INVALID_FIELD", {"fields": "project.etag"})
    stored = await service.stubs.projects.GetProject(
        pb.GetProjectRequest(workspace_id=service.workspace, project_id=created.project_id)
    )
    assert stored.project.title == "Renamed"


async def test_a_view_that_the_contract_lacks_is_refused(service: Service) -> None:
    request = pb.ListProjectsRequest(workspace_id=service.workspace, view=7)  # type: ignore[arg-type]
    assert (await refusal(service.stubs.projects.ListProjects(request))).metadata == {"fields": "view"}
