"""Methods of the client for single frames."""

from __future__ import annotations

from collections.abc import Mapping

from render_client.aio.connection import AsyncConnection
from render_client.durations import Seconds
from render_client.messages import ImageFormatName
from render_client.v1 import output_pb2, project_pb2, render_service_pb2


class AsyncFrameMethods(AsyncConnection):
    """Methods of the client for single frames."""

    async def frame(
        self,
        project: project_pb2.Project | None = None,
        *,
        project_id: str | None = None,
        shot_id: str = "",
        time: Seconds | None = None,
        output: output_pb2.OutputOptions | None = None,
        variables: Mapping[str, str] | None = None,
        image_format: ImageFormatName = "png",
    ) -> render_service_pb2.RenderFrameResponse:
        """Return one picture of a video, without making the video; `image` holds the content of its file.

        Args:
            project: An inline project; give either this or project_id.
            project_id: UUID of a stored project.
            shot_id: The shot that time counts in; empty means the whole video.
            time: Seconds, or a `timedelta`, from the start of the shot or video; None means its middle.
            output: Overrides the project's own output options field by field.
            variables: Values for the project's `{{placeholders}}`, by name.
            image_format: `png`, `jpeg` or `webp`.
        """
        request = self._requests.frame(
            project,
            project_id,
            shot_id=shot_id,
            time=time,
            output=output,
            variables=variables,
            image_format=image_format,
        )
        return await self._call(self._render.RenderFrame, request)
