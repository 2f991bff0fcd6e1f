"""Every setting works from the environment and from a file, and a wrong one stops the start with one line naming it."""

import os
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import HttpUrl, SecretStr

from render_service.config.names import variable_of
from render_service.config.settings import ConfigurationError, Settings, load_settings
from render_service.domain.access.quota import Quotas

REFERENCE = Path(__file__).parents[3] / "docs/reference/configuration.md"
OLD_NAMES = {
    "VIDEO_GENERATION_PROVIDER",
    "RUNWAYML_API_KEY",
    "PIKA_API_KEY",
    "CUSTOM_VIDEO_API_URL",
    "VIDEO_API_REQUEST_TIMEOUT",
    "VIDEO_API_RETRY_ATTEMPTS",
    "VIDEO_API_RETRY_DELAY",
    "DATABASE_URL",
    "REDIS_URL",
    "STORAGE_URL",
}
ADDRESSES = {
    "DATABASE_URL": "postgresql://user:pass@db.example:5433/videos",
    "REDIS_URL": "rediss://cache.example:6380/2",
    "STORAGE_URL": "s3://bucket/prefix",
}


WEBHOOK_SECRETS = {"CUSTOM_VIDEO_WEBHOOK_SECRET": "whsec_" + 32 * "A", "RENDER_WEBHOOK_KEYS": 44 * "A"}
VARIABLES = {variable_of(name, field): name for name, field in Settings.model_fields.items()}


def kind_of(variable: str) -> Any:
    kind = Settings.model_fields[VARIABLES[variable]].annotation
    if get_origin(kind) in (Union, type(int | None)):
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    return kind


def good(variable: str) -> tuple[str, object] | None:
    """A value as it is written and as it is read; None where only the setting's own tests know one."""
    kind = kind_of(variable)
    if variable in ADDRESSES:
        return ADDRESSES[variable], ADDRESSES[variable]
    if variable in WEBHOOK_SECRETS:
        return WEBHOOK_SECRETS[variable], SecretStr(WEBHOOK_SECRETS[variable])
    if get_origin(kind) is Literal:
        return get_args(kind)[-1], get_args(kind)[-1]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1].value, list(kind)[-1]
    written: dict[object, tuple[str, object]] = {
        bool: ("false", False) if Settings.model_fields[VARIABLES[variable]].default else ("true", True),
        int: ("7", 7),
        float: ("90", 90.0) if variable == "RENDER_DOWNLOAD_URL_SECONDS" else ("42.5", 42.5),
        Path: ("/some/where", Path("/some/where")),
        HttpUrl: ("https://api.example/v1", HttpUrl("https://api.example/v1")),
        SecretStr: ("sesame", SecretStr("sesame")),
    }
    return written.get(kind)


def wrong(variable: str) -> str | None:
    kind = kind_of(variable)
    if (
        variable in ADDRESSES
        or variable in WEBHOOK_SECRETS
        or kind in (bool, int, float, HttpUrl)
        or get_origin(kind) is Literal
    ):
        return "nonsense"
    return "nonsense" if isinstance(kind, type) and issubclass(kind, Enum) else None


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*os.environ,):
        if name.upper() in VARIABLES or name == "RENDER_CONFIG":
            monkeypatch.delenv(name)


@pytest.mark.parametrize("variable", [name for name in VARIABLES if good(name)])
def test_a_setting_works_from_the_environment_and_from_a_file_and_the_environment_wins(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = good(variable)
    assert found
    written, read = found
    assert getattr(load_settings(), VARIABLES[variable]) != read
    monkeypatch.setenv(variable, written)
    assert getattr(load_settings(), VARIABLES[variable]) == read
    monkeypatch.delenv(variable)
    file = tmp_path / "settings.env"
    file.write_text(f"# a comment\n{variable}={written}\nUNKNOWN_TO_US=1\n", encoding="utf-8")
    monkeypatch.setenv("RENDER_CONFIG", str(file))
    assert getattr(load_settings(), VARIABLES[variable]) == read
    if (bad := wrong(variable)) is not None:
        file.write_text(f"{variable}={bad}\n", encoding="utf-8")
        monkeypatch.setenv(variable, written)
        assert getattr(load_settings(), VARIABLES[variable]) == read


@pytest.mark.parametrize("name", ["AUTH", "LISTEN", "COMPOSE", "LOG_LEVEL", "WORK_DIR", "RENDER_DATABASE_URL"])
def test_a_variable_of_another_program_sets_nothing(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    untouched = load_settings()
    monkeypatch.setenv(name, "off")
    file = tmp_path / "settings.env"
    file.write_text(f"{name}=off\n", encoding="utf-8")
    monkeypatch.setenv("RENDER_CONFIG", str(file))
    assert load_settings() == untouched


@pytest.mark.parametrize("variable", [name for name in VARIABLES if wrong(name)])
def test_a_wrong_setting_is_named_in_one_line_without_its_value(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, str(wrong(variable)))
    with pytest.raises(ConfigurationError) as error:
        load_settings()
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{variable}: ")
    assert "nonsense" not in line
    assert len(line) > len(variable) + 10


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://user:hunter2@host:port/x"),
        ("DATABASE_URL", "postgresql://user:hunter2@host:54321x/x"),
        ("DATABASE_URL", "mysql://user:hunter2@host/x"),
        ("REDIS_URL", "redis://:hunter2@host:port/0"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("STORAGE_URL", "gs://hunter2"),
    ],
)
def test_a_malformed_address_is_refused_without_telling_its_password(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"^{variable}: ") as error:
        load_settings()
    assert "hunter2" not in str(error.value)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RENDER_CONFIG", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="RENDER_CONFIG: there is no file"):
        load_settings()


def test_folders_are_separated_by_colons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDER_FILE_ROOTS", "/a:/b c:")
    assert load_settings().file_roots == (Path("/a"), Path("/b c"))


def test_the_names_that_earlier_deployments_use_still_work() -> None:
    assert set(VARIABLES) >= OLD_NAMES


def test_the_reference_lists_every_setting() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    documented = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", text))
    assert documented >= set(VARIABLES), set(VARIABLES) - documented


def stopped(command: str, environment: dict[str, str]) -> str:
    """Run a command that must end with code 2, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "render_service", command],
        check=False,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_a_command_stops_at_a_wrong_setting_with_one_line_and_code_2(command: str) -> None:
    line = stopped(command, {"RENDER_MOCK_DELAY": "soon"})
    assert re.fullmatch(r"render-service: RENDER_MOCK_DELAY: .+\n", line), line


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        ("serve", "STORAGE_URL", "s3://"),
        ("serve", "RENDER_LISTEN", "50051"),
        ("work", "STORAGE_URL", "file:///proc/objects"),
        ("work", "RENDER_WORK_DIR", "/proc/work"),
    ],
)
def test_what_only_shows_at_the_start_stops_it_with_one_line_too(
    command: str, variable: str, value: str, tmp_path: Path
) -> None:
    line = stopped(command, {"STORAGE_URL": (tmp_path / "objects").as_uri(), variable: value})
    assert re.fullmatch(rf"render-service: {variable}: .+\n", line), line


def test_a_workspace_has_quotas_by_default_and_none_where_the_operator_says_so() -> None:
    assert Settings().quotas == Quotas(
        running_jobs=100, queued_jobs=10_000, requests_per_second=2_000, watchers=5_000, stored_bytes=1024**4
    )
    unlimited = Settings(
        quota_running_jobs=0,
        quota_queued_jobs=0,
        quota_requests_per_second=0,
        quota_watchers=0,
        quota_stored_bytes=0,
    )
    assert unlimited.quotas == Quotas()


def test_the_limits_of_fetching_fit_together() -> None:
    settings = Settings()
    assert settings.max_asset_bytes <= settings.max_job_asset_bytes <= settings.workspace_scratch_bytes
    assert settings.asset_timeout <= settings.job_fetch_time
