"""Pictures as `data:` URLs, for providers that cannot fetch them."""

import asyncio
import base64

from render_service.providers.provider_api import ClipRequest, FaultKind, ProviderFault

MAX_BYTES = 10 * 1024 * 1024


async def with_reachable_picture(request: ClipRequest) -> ClipRequest:
    """Return a request whose picture the provider can read: by URL, or inline.

    Raises:
        ProviderFault: REFUSED: the picture is too large to be inlined.
    """
    picture = request.picture
    if picture is None or not request.spec.from_image:
        return request
    url = picture.uri
    if not picture.is_public:
        if picture.path.stat().st_size > MAX_BYTES:
            raise ProviderFault(
                FaultKind.REFUSED, f"the picture is larger than {MAX_BYTES:,} bytes and the provider cannot fetch it"
            )
        content = await asyncio.to_thread(picture.path.read_bytes)
        url = f"data:{picture.media_type};base64,{base64.b64encode(content).decode('ascii')}"
    return ClipRequest(request.spec, picture, url, request.options, request.metadata)
