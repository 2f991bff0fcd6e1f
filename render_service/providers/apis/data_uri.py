"""Pictures as `data:` URLs, for providers that cannot fetch them."""

import asyncio
import base64

from render_service.providers.provider_api import ClipRequest


async def with_reachable_picture(request: ClipRequest) -> ClipRequest:
    """Return a request whose picture the provider can read: by URL, or inline."""
    picture = request.picture
    if picture is None or not request.spec.from_image:
        return request
    url = picture.uri
    if not picture.is_public:
        content = await asyncio.to_thread(picture.path.read_bytes)
        url = f"data:{picture.media_type};base64,{base64.b64encode(content).decode('ascii')}"
    return ClipRequest(request.spec, picture, url, request.options, request.metadata)
