"""Install voices, and hear them."""

from pathlib import Path
from typing import Annotated

import typer

from render_service.cli.settings import command_settings, exit_with_error


def install_voices(
    archive: Annotated[
        Path | None,
        typer.Option(help="Archive of the npm package kokoro-js 1.2.1; default: npm fetches it.", dir_okay=False),
    ] = None,
) -> None:
    """Install the voices that speak narrations, 27 MB, which no Python package holds."""
    from render_service.speech.installation import VOICES_FOLDER, SpeechNotInstalled
    from render_service.speech.voice_archive import install_voices

    folder = command_settings(log_level="error").speech_voices or VOICES_FOLDER
    try:
        added = install_voices(archive, folder)
    except SpeechNotInstalled as error:
        exit_with_error(str(error))
    except OSError as error:
        exit_with_error(f"{error.filename}: {error.strerror}")
    typer.echo(f"{added} voices installed into {folder}." if added else f"All voices are installed in {folder}.")


def say(
    text: Annotated[str, typer.Argument(help="What to say, at most 4,000 characters.")],
    voice: Annotated[str, typer.Option(help="Voice; default: one that speaks the text's language.")] = "",
    speed: Annotated[float, typer.Option(help="0.5 to 2.", min=0.5, max=2)] = 1.0,
    out: Annotated[Path, typer.Option("--out", "-o", help="WAV file to write.")] = Path("speech.wav"),
    *,
    words: Annotated[bool, typer.Option("--words", help="Print when each word is spoken.")] = False,
) -> None:
    """Speak a text into a WAV file, with the model on this machine."""
    from render_service.domain.projects.validation import MAX_NARRATION
    from render_service.domain.speech.readable import is_spoken
    from render_service.domain.speech.requests import SpeechFault, plan_speech
    from render_service.speech.installation import SpeechNotInstalled, find_installation
    from render_service.speech.synthesis import speak

    if not is_spoken(text):
        exit_with_error("text: must have a letter or a digit")
    if len(text) > MAX_NARRATION:
        exit_with_error(f"text: must have at most {MAX_NARRATION:,} characters; speak it in parts")
    request = plan_speech(text, voice, "", speed)
    if isinstance(request, SpeechFault):
        exit_with_error(f"{request.part}: {request.description}")
    settings = command_settings(log_level="error")
    try:
        timings = speak(request, find_installation(settings.speech_model, settings.speech_voices), out)
    except SpeechNotInstalled as error:
        exit_with_error(str(error))
    except OSError as error:
        exit_with_error(f"{error.filename}: {error.strerror}")
    if words:
        for word in timings:
            typer.echo(f"{word.start.total_seconds():7.3f}  {word.end.total_seconds():7.3f}  {word.text}")
    typer.echo(f"{out}: {request.voice}, {len(timings)} words.", err=True)
