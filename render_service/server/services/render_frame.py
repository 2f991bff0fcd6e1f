"""RenderFrame: reads and validates the request, has a worker draw the frame, and answers."""

from datetime import timedelta
from uuid import UUID

from redis.exceptions import RedisError
from render_client.v1 import render_service_pb2 as pb

from render_service.domain.errors import DomainError, ErrorReason, FieldFault, InvalidFields, RenderFailure
from render_service.domain.faults import Faults
from render_service.domain.jobs.frame import FramePosition, FrameRequest, ImageFormat
from render_service.domain.projects.project import Project
from render_service.domain.projects.validation import check_output
from render_service.queue.frame_queue import DrawnFrame, FrameQueue
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.ids import NO_ID, uuid_field, variables_field, workspace_field
from render_service.server.mapping.output import output_from_proto
from render_service.server.mapping.times import read_duration, write_duration
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.start_render import RenderStarter

_FORMAT = EnumTable(pb.ImageFormat.DESCRIPTOR, ImageFormat)
_TIMEOUT_SECONDS = 20.0
_RETRY_SECONDS = 2.0
# gRPC clients receive at most 4 MiB unless they are told otherwise.
_MOST_BYTES = 4 * 1024 * 1024 - 100_000


class FrameRenderer:
    """Answers RenderFrame.

    Args:
        queue: Where workers receive requests for frames.
        parser: Reads and validates projects.
        starter: Decides what is rendered of a project, as for a job.
    """

    def __init__(self, queue: FrameQueue, parser: ProjectParser, starter: RenderStarter) -> None:
        self._queue = queue
        self._parser = parser
        self._starter = starter

    async def render(self, request: pb.RenderFrameRequest) -> pb.RenderFrameResponse:
        """Return the picture at a time of a video.

        Raises:
            DomainError: INVALID_FIELD, PROJECT_NOT_FOUND, WORKER_UNAVAILABLE, or what would fail the job.
        """
        wanted = await self._read(request)
        try:
            drawn = await self._queue.request(wanted, _TIMEOUT_SECONDS)
        except RenderFailure as failure:
            if failure.reason is ErrorReason.INVALID_FIELD:
                raise InvalidFields([FieldFault(failure.metadata["field"], failure.metadata["fault"])]) from None
            raise
        except (RedisError, OSError):
            message = "workers cannot be reached for the moment"
            raise DomainError(ErrorReason.WORKER_UNAVAILABLE, message, retry_after_seconds=_RETRY_SECONDS) from None
        if len(drawn.image) > _MOST_BYTES:
            size = f"{len(drawn.image) / 2**20:.1f} MiB"
            fault = f"must be one in which the picture has at most 3.9 MiB, not {size}: choose JPEG, or a smaller frame"
            raise InvalidFields([FieldFault("format", fault)])
        return _response(wanted, drawn)

    async def _read(self, request: pb.RenderFrameRequest) -> FrameRequest:
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        variables = variables_field(request.variables, "variables", faults)
        source: Project | UUID = NO_ID
        match request.WhichOneof("source"):
            case "project_id":
                source = uuid_field(request.project_id, "project_id", faults)
            case "project":
                source = await self._parser.parse_for_render(request.project, variables, faults)
            case _:
                faults.add("source", "give either project_id or project")
        output = output_from_proto(request.output, "output", faults)
        faults.add_all(check_output(output, "output"))
        image = _FORMAT.read(request.format, "format", faults) or ImageFormat.PNG
        time: timedelta | None = None
        if request.HasField("time"):
            time = read_duration(request.time, "time", faults)
            if time < timedelta(0):
                faults.add("time", "must not be negative")
        faults.raise_if_any()
        spec = await self._starter.spec_of(request.workspace_id, source, variables, output)
        return FrameRequest(request.workspace_id, spec, FramePosition(image, request.shot_id, time))


def _response(wanted: FrameRequest, drawn: DrawnFrame) -> pb.RenderFrameResponse:
    output, facts = wanted.spec.output, drawn.facts
    response = pb.RenderFrameResponse(
        image=drawn.image,
        content_type=wanted.position.image.content_type,
        width=output.width,
        height=output.height,
        shot_id=facts.shot_id,
    )
    write_duration(timedelta(seconds=facts.number / output.fps), response.time)
    write_duration(timedelta(seconds=facts.frames / output.fps), response.duration)
    return response
