"""Methods of the client for voices."""

from __future__ import annotations

from render_client.aio.connection import AsyncConnection
from render_client.aio.primitives import Stream
from render_client.v1 import render_service_pb2


class AsyncVoiceMethods(AsyncConnection):
    """Methods of the client for voices."""

    def list_voices(
        self, *, language: str = "", speech_provider: str | None = None
    ) -> Stream[render_service_pb2.Voice]:
        """Iterate over the voices that can speak narrations; there are none if the service has no speech.

        Args:
            language: Only voices that speak this language, a BCP 47 tag such as `en`; empty means all.
            speech_provider: The provider whose voices to list; None means the service's default.
        """
        request = self._requests.list_voices(language, speech_provider)
        return self._pages(self._render.ListVoices, request, lambda page: page.voices)
