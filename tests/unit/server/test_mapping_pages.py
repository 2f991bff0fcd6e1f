"""Pages of lists fit in a message."""

from render_client.v1 import project_pb2, project_service_pb2

from render_service.server.mapping.pages import MAX_PAGE_BYTES, count_fitting

GRPC_DEFAULT_BYTES = 4 * 1024 * 1024


def projects(*sizes: int) -> list[project_pb2.Project]:
    return [project_pb2.Project(script="a" * size) for size in sizes]


def test_a_page_ends_before_the_item_that_no_longer_fits() -> None:
    half = MAX_PAGE_BYTES // 2 - 100
    assert count_fitting(projects(half, half, 500, 1)) == 2
    assert count_fitting(projects(*[10_000] * 100)) == 100
    assert count_fitting(projects(1, MAX_PAGE_BYTES)) == 1


def test_a_page_has_at_least_one_item() -> None:
    assert count_fitting(projects(2 * MAX_PAGE_BYTES, 1)) == 1
    assert count_fitting([]) == 0


def test_a_page_of_several_items_is_accepted_by_any_client() -> None:
    items = projects(*[30_000] * 100, *[MAX_PAGE_BYTES])
    page = project_service_pb2.ListProjectsResponse(projects=items[: count_fitting(items)], next_page_token="t" * 100)
    assert 2 < len(page.projects) <= 100
    assert page.ByteSize() < GRPC_DEFAULT_BYTES
