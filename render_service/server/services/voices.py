"""The voices that ListVoices returns."""

from datetime import UTC, datetime
from uuid import UUID

from render_client.v1 import render_service_pb2 as pb

from render_service.config.settings import Settings
from render_service.config.speech_providers import speech_terms
from render_service.db.jobs.job_lists import Position
from render_service.domain.faults import Faults
from render_service.domain.generation.provider_models import USD
from render_service.domain.jobs.cost import Cost
from render_service.domain.projects.validation import is_language_tag
from render_service.domain.speech.terms import PRICE_UNIT, ListedVoice
from render_service.domain.speech.voices import Gender, SpeechProvider, primary
from render_service.server.mapping import page_token
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.generation import cost_to_proto
from render_service.server.mapping.ids import page_size_field, workspace_field
from render_service.server.mapping.speech import speech_provider_field
from render_service.server.services.speech_plan import SpeechPlanner
from render_service.voices.catalog import VoiceCatalog

_GENDER = EnumTable(pb.VoiceGender.DESCRIPTOR, Gender)
_START = datetime(1970, 1, 1, tzinfo=UTC)


class VoiceLists:
    """The voices of the configured speech providers, in pages.

    Args:
        settings: The service's configuration.
        planner: Knows which provider is the default, and which are configured.
        catalog: The voices.
    """

    def __init__(self, settings: Settings, planner: SpeechPlanner, catalog: VoiceCatalog) -> None:
        self._settings = settings
        self._planner = planner
        self._catalog = catalog

    async def list(self, request: pb.ListVoicesRequest) -> pb.ListVoicesResponse:
        """Return a page of the voices of a provider; without speech, there is none.

        Raises:
            DomainError: INVALID_FIELD, INVALID_PAGE_TOKEN, PROVIDER_NOT_CONFIGURED, or PROVIDER_UNAVAILABLE.
        """
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        if request.language and not is_language_tag(request.language):
            faults.add("language", "must be a BCP 47 tag, such as en or zh-Hans")
        limit = page_size_field(request.page_size, "page_size", faults)
        named = speech_provider_field(request.speech_provider, "speech_provider", faults)
        faults.raise_if_any()
        binding = page_token.binding_of(request)
        first = page_token.decode(request.page_token, binding=binding).id.int if request.page_token else 0
        if named is None and not self._planner.has_default:
            return pb.ListVoicesResponse()
        provider = self._planner.provider(named)
        voices = [voice for voice in await self._catalog.list(provider) or () if _speaks(voice, request.language)]
        end = first + limit
        following = page_token.encode(Position(_START, UUID(int=end)), binding=binding) if end < len(voices) else ""
        return pb.ListVoicesResponse(
            voices=[self._to_proto(voice, provider) for voice in voices[first:end]], next_page_token=following
        )

    def _to_proto(self, voice: ListedVoice, provider: SpeechProvider) -> pb.Voice:
        terms = speech_terms(self._settings, provider)
        model = terms.model(terms.default_model) if terms is not None else None
        return pb.Voice(
            voice_id=voice.id,
            name=voice.name,
            languages=voice.languages,
            gender=_GENDER.number(voice.gender) if voice.gender is not None else pb.VOICE_GENDER_UNSPECIFIED,
            style=voice.style,
            sample_text=voice.sample_text,
            provider=provider,
            price_unit=PRICE_UNIT if terms is not None else "",
            price=cost_to_proto(Cost(USD, model.price)) if model is not None and model.price is not None else None,
        )


def _speaks(voice: ListedVoice, language: str) -> bool:
    return not language or primary(language) in map(primary, voice.languages)
