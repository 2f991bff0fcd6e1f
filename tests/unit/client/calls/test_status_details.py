"""The decoder of google.rpc details, held against the real messages."""

import contextlib

import grpc
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st
from render_client.status_details import FieldFault, MalformedDetails, StatusDetails, decode_status_details

from tests.unit.client.fake_service import refusal

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(
    reason=texts.filter(bool),
    metadata=st.dictionaries(texts, texts, max_size=5),
    faults=st.dictionaries(texts, texts, min_size=1, max_size=5),
    retry_after=st.one_of(st.none(), st.integers(0, 10**15)),
)
def test_reads_what_the_real_messages_write(
    reason: str, metadata: dict[str, str], faults: dict[str, str], retry_after: int | None
) -> None:
    seconds = None if retry_after is None else retry_after / 1e3
    status = refusal(grpc.StatusCode.ABORTED, "message", reason, metadata=metadata, faults=faults, retry_after=seconds)
    details = decode_status_details(status.SerializeToString())
    assert details.reason == reason
    assert details.domain == "render.v1"
    assert details.metadata == metadata
    assert details.field_faults == tuple(FieldFault(name, fault) for name, fault in faults.items())
    assert details.retry_after == seconds or (
        seconds is not None and details.retry_after is not None and abs(details.retry_after - seconds) < 1e-3
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(status: bytes) -> None:
    with contextlib.suppress(MalformedDetails):
        decode_status_details(status)


def test_other_details_are_passed_over() -> None:
    status = status_pb2.Status(code=5)
    status.details.add().Pack(error_details_pb2.DebugInfo(detail="x"))
    assert decode_status_details(status.SerializeToString()) == StatusDetails()


def test_a_negative_delay_counts_as_none_at_all() -> None:
    status = status_pb2.Status()
    info = error_details_pb2.RetryInfo()
    info.retry_delay.seconds = -5
    status.details.add().Pack(info)
    assert decode_status_details(status.SerializeToString()).retry_after == 0
