"""The voices that ListVoices returns."""

from datetime import UTC, datetime
from uuid import UUID

from render_client.v1 import render_service_pb2 as pb

from render_service.db.jobs.jobs import Position
from render_service.domain.faults import Faults
from render_service.domain.projects.validation import is_language_tag
from render_service.domain.speech.voices import VOICES, Gender, Voice
from render_service.server.mapping import page_token
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.ids import page_size_field, workspace_field

_GENDER = EnumTable(pb.VoiceGender.DESCRIPTOR, Gender)
_START = datetime(1970, 1, 1, tzinfo=UTC)


def list_voices(request: pb.ListVoicesRequest, *, speaks: bool) -> pb.ListVoicesResponse:
    """Return a page of the voices.

    Args:
        request: The request.
        speaks: Whether the service has speech; without it, there is no voice.

    Raises:
        DomainError: INVALID_FIELD or INVALID_PAGE_TOKEN.
    """
    faults = Faults()
    workspace_field(request.workspace_id, "workspace_id", faults)
    if request.language and not is_language_tag(request.language):
        faults.add("language", "must be a BCP 47 tag, such as en or zh-Hans")
    limit = page_size_field(request.page_size, "page_size", faults)
    faults.raise_if_any()
    binding = page_token.binding_of(request)
    first = page_token.decode(request.page_token, binding=binding).id.int if request.page_token else 0
    voices = [voice for voice in VOICES if speaks and (not request.language or voice.speaks(request.language))]
    end = first + limit
    following = page_token.encode(Position(_START, UUID(int=end)), binding=binding) if end < len(voices) else ""
    return pb.ListVoicesResponse(voices=map(_to_proto, voices[first:end]), next_page_token=following)


def _to_proto(voice: Voice) -> pb.Voice:
    return pb.Voice(
        voice_id=voice.id,
        languages=[voice.language],
        gender=_GENDER.number(voice.gender),
        sample_text=voice.sample_text,
        provider=voice.provider,
    )
