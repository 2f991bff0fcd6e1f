"""Page tokens lead on in their own list and are refused everywhere else."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_client.v1 import job_pb2, project_service_pb2, render_service_pb2

from render_service.db.jobs.job_lists import Position
from render_service.domain.errors import DomainError, ErrorReason
from render_service.server.mapping import page_token

BINDING = b"binding"
POSITION = Position(datetime(2026, 1, 31, 12, 0, 0, 123456, UTC), UUID(int=7))
TIMES = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone. Year 1 begins before year 1 in UTC.
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)


def refuses(token: str, *, binding: bytes = BINDING) -> bool:
    try:
        page_token.decode(token, binding=binding)
    except DomainError as error:
        return error.reason is ErrorReason.INVALID_PAGE_TOKEN and error.metadata == {"field": "page_token"}
    return False


@given(TIMES, st.uuids(), st.binary(max_size=40))
def test_a_token_leads_back_to_its_position_to_the_microsecond(time: datetime, row: UUID, binding: bytes) -> None:
    token = page_token.encode(Position(time, row), binding=binding)
    assert page_token.decode(token, binding=binding) == Position(time, row)
    assert page_token.decode(token, binding=binding).created_at.tzinfo is UTC
    assert refuses(token, binding=binding + b"!")


@given(st.text() | st.text("ABCdef019-_=", min_size=40, max_size=60))
def test_garbage_is_refused(token: str) -> None:
    assert refuses(token)


def test_a_token_changed_in_any_place_is_refused() -> None:
    token = page_token.encode(POSITION, binding=BINDING)
    for place in range(len(token)):
        for letter in "Aa0-_ =\n":
            changed = token[:place] + letter + token[place + 1 :]
            assert changed == token or refuses(changed)
    for changed in (token + "=", token + "A", token[:-1], " " + token, token + "\n", "é" + token):
        assert refuses(changed)


def test_a_token_of_an_impossible_time_is_refused() -> None:
    body = page_token._BODY.pack(page_token._VERSION, 2**63 - 1, bytes(16))
    forged = urlsafe_b64encode(body + page_token._checksum(body, BINDING)).decode().rstrip("=")
    assert refuses(forged)


def test_a_token_is_bound_to_list_workspace_and_filter_but_not_to_the_page_size() -> None:
    request = render_service_pb2.ListJobsRequest(workspace_id="a", labels={"x": "1", "y": "2"})
    same = render_service_pb2.ListJobsRequest(
        workspace_id="a", labels={"y": "2", "x": "1"}, page_size=50, page_token="t"
    )
    assert page_token.binding_of(request) == page_token.binding_of(same)
    assert (same.page_size, same.page_token) == (50, "t")
    others = [
        render_service_pb2.ListJobsRequest(workspace_id="b", labels={"x": "1", "y": "2"}),
        render_service_pb2.ListJobsRequest(workspace_id="a", labels={"x": "1"}),
        render_service_pb2.ListJobsRequest(workspace_id="a", statuses=[job_pb2.JOB_STATUS_FAILED]),
        render_service_pb2.ListJobsRequest(workspace_id="a"),
        project_service_pb2.ListProjectsRequest(workspace_id="a"),
    ]
    bindings = [page_token.binding_of(request), *map(page_token.binding_of, others)]
    assert len(set(bindings)) == len(bindings)


def test_a_token_can_be_put_into_a_url_as_it_is() -> None:
    assert page_token.encode(POSITION, binding=BINDING).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("token", ["", "A", "=", "===="])
def test_short_texts_are_refused(token: str) -> None:
    assert refuses(token)
