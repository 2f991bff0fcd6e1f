"""The commands of speech say what is wrong in one line."""

import os
from pathlib import Path

import pytest

from render_service.cli.speech import say
from render_service.speech.installation import SpeechNotInstalled
from render_service.speech.voice_archive import install_voices


def test_a_text_that_is_too_long_is_refused_before_it_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        say("7" * 4_400, words=False)
    assert "text: must have at most 4,000 characters" in capsys.readouterr().err


def test_why_npm_cannot_fetch_the_voices_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    # As npm does: errors are printed unless it is to be silent.
    npm.write_text('#!/bin/sh\ncase "$*" in *--silent*) ;; *) echo "npm error network timed out" >&2;; esac\nexit 1\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SpeechNotInstalled, match="network timed out"):
        install_voices(None, tmp_path / "voices")
