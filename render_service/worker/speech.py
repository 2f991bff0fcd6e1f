"""Speech on a worker: which speech providers it can use and with what, and whether it recognises recordings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import narration_asset
from render_service.config.settings import ConfigurationError, Settings
from render_service.config.speech_providers import remote_speech
from render_service.db.database import Database
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.speech.voices import SpeechProvider
from render_service.engine.narrations import Narrator
from render_service.engine.recognitions import Recognizer
from render_service.engine.speakers import RemoteSpeech, Speakers
from render_service.providers.speech.narration import NarrationSubmissions
from render_service.providers.speech.registry import open_speech
from render_service.speech.installation import Installation, SpeechDamaged, SpeechNotInstalled, find_installation
from render_service.speech.recognition.model import RecognitionNotInstalled, find_recognition
from render_service.telemetry.logging import get_logger
from render_service.worker.providers import generation_limits

_log = get_logger(__name__)


@asynccontextmanager
async def open_speakers(
    settings: Settings, folder: Path, database: Database, compositor: Compositor
) -> AsyncIterator[Speakers]:
    """Yield the speech providers of this worker. Submissions in flight are recorded before it closes.

    Args:
        settings: The service's configuration.
        folder: Scratch space of this process.
        database: Records submissions.
        compositor: Measures sounds.

    Raises:
        ConfigurationError: `local` is asked for, and the model or the voices are missing; or an installed model is
            damaged.
    """

    async def measure(shot_id: str, path: Path) -> timedelta:
        return await compositor.sound_length(narration_asset(shot_id, path))

    async with AsyncExitStack() as stack:
        installation = await _installation(settings)
        local = None
        if installation is not None:
            local = Narrator(installation, folder, idle_seconds=settings.speech_idle_seconds)
            stack.push_async_callback(local.close)
        ledger, limits = GenerationLedger(database), generation_limits(settings)
        submissions: dict[SpeechProvider, NarrationSubmissions] = {}
        for provider in remote_speech(settings):
            api = open_speech(provider, settings)
            await stack.enter_async_context(api.api)
            submissions[provider] = NarrationSubmissions(api, ledger, limits.retry)
            stack.push_async_callback(submissions[provider].close)
        yield Speakers(local, RemoteSpeech(submissions, ledger, limits, measure))


@asynccontextmanager
async def open_recognizer(settings: Settings, folder: Path) -> AsyncIterator[Recognizer | None]:
    """Yield what recognises recordings on this worker; None where it cannot.

    Args:
        settings: The service's configuration.
        folder: Scratch space of this process.

    Raises:
        ConfigurationError: It is asked for and not installed; or the model is missing, or another one.
    """
    if not settings.recognizes:
        yield None
        return
    try:
        model = find_recognition(settings.recognition_model, settings.recognition_model_sha256)
        if settings.recognition_model is not None:
            # Packages are pinned by hash where they are installed; a file may be anything.
            await asyncio.to_thread(model.read)
    except RecognitionNotInstalled as error:
        raise ConfigurationError(f"recognition: {error}") from None
    recognizer = Recognizer(model, folder, idle_seconds=settings.speech_idle_seconds)
    try:
        yield recognizer
    finally:
        await recognizer.close()


async def _installation(settings: Settings) -> Installation | None:
    if not settings.speaks_locally:
        return None
    try:
        installation = find_installation(settings.speech_model, settings.speech_voices)
        if settings.speech_model is not None:
            # Packages are pinned by hash where they are installed; a file may be anything.
            await asyncio.to_thread(installation.read_model)
    except SpeechNotInstalled as error:
        is_stopped = settings.speech_provider == "local" or isinstance(error, SpeechDamaged)
        if not is_stopped and settings.speech_model is None and settings.speech_voices is None:
            _log.warning("this worker does not speak narrations with its own model", reason=str(error))
            return None
        raise ConfigurationError(f"speech: {error}") from None
    return installation
