"""Speech on a worker: whether it can speak, and with what."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from render_service.config.settings import ConfigurationError, Settings
from render_service.engine.narrations import Narrator
from render_service.speech.installation import Installation, SpeechNotInstalled, find_installation
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


@asynccontextmanager
async def open_narrator(settings: Settings, folder: Path) -> AsyncIterator[Narrator | None]:
    """Yield what speaks narrations; None where speech is off, or not wholly installed and not asked for.

    Args:
        settings: The service's configuration.
        folder: Scratch space of this process.

    Raises:
        ConfigurationError: Speech is asked for, and the model or the voices are missing or wrong.
    """
    installation = await _installation(settings)
    if installation is None:
        yield None
        return
    narrator = Narrator(installation, folder)
    try:
        yield narrator
    finally:
        await narrator.close()


async def _installation(settings: Settings) -> Installation | None:
    if not settings.speaks_locally:
        return None
    try:
        installation = find_installation(settings.speech_model, settings.speech_voices)
        if settings.speech_model is not None:
            # Packages are pinned by hash where they are installed; a file may be anything.
            await asyncio.to_thread(installation.read_model)
    except SpeechNotInstalled as error:
        if settings.speech_provider is None and settings.speech_model is None and settings.speech_voices is None:
            _log.warning("this worker does not speak narrations", reason=str(error))
            return None
        raise ConfigurationError(f"speech: {error}") from None
    return installation
