"""The two routes that earlier callers know, with their own field names, lower-case statuses and errors."""

from http import HTTPStatus
from typing import Any

from google.protobuf import json_format
from render_client.v1 import job_pb2
from starlette.responses import JSONResponse, Response

from render_service.gateway.errors import RequestRefused

PREFIX = "/api/v1/video/workspaces/{workspace_id}/render"
START = f"{PREFIX}/{{project_id}}"
GET = f"{PREFIX}/jobs/{{job_id}}"


def started(response: Any) -> Response:
    """Return what earlier callers read of a started job."""
    job = response.job
    fields = {"job_id": job.job_id, "task_id": job.task_id, "status": status_name(job.status)}
    return JSONResponse(fields, HTTPStatus.ACCEPTED)


def job_fields(response: Any) -> Response:
    """Return what earlier callers read of a job."""
    job = response.job
    fields = json_format.MessageToDict(job, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    fields["status"] = status_name(job.status)
    fields["stage"] = _lower(job_pb2.JobStage.Name(job.stage), "JOB_STAGE_") if job.stage else ""
    return JSONResponse(fields)


def refused(error: RequestRefused) -> Response:
    """Return an error in the form of earlier callers: `{"detail": "…"}`."""
    return JSONResponse({"detail": error.status.message}, error.http_status, error.headers)


def status_name(status: job_pb2.JobStatus.ValueType) -> str:
    """Return a status as earlier callers know it: `pending`."""
    return _lower(job_pb2.JobStatus.Name(status), "JOB_STATUS_")


def _lower(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()
