"""A mistyped setting is named with the nearest right one; what resembles no setting is left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from render_service.config.settings import Settings
from render_service.config.unknown import mistyped_settings, setting_names


def test_every_setting_has_its_name() -> None:
    names = setting_names()
    assert len(names) == len(Settings.model_fields)
    assert all(name.isupper() for name in names)
    assert {"RENDER_LISTEN", "DATABASE_URL", "RENDER_WORKER_SLOTS"} <= names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("RENDER_LISTENN", "RENDER_LISTEN"),
        ("RENDER_WORKERS_SLOTS", "RENDER_WORKER_SLOTS"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("render_worker_slot", "RENDER_WORKER_SLOTS"),
        ("RUNWAY_API_KEY", "RUNWAYML_API_KEY"),
    ],
)
def test_a_mistyped_setting_is_named_with_the_nearest(name: str, nearest: str) -> None:
    assert mistyped_settings([name]) == [f"{name} is no setting and has no effect: did you mean {nearest}?"]


def test_right_names_the_commands_own_and_those_of_others_are_left_alone() -> None:
    others = [
        "PATH",
        "HOME",
        "RENDER",
        "RENDER_SERVICE_ID",
        "RENDER_EXTERNAL_HOSTNAME",
        "RENDER_TOKEN",
        "RENDER_CONFIG",
    ]
    assert mistyped_settings([*others, *setting_names(), "render_listen"]) == []


def test_a_command_warns_of_a_mistyped_variable_and_of_a_mistyped_line(tmp_path: Path) -> None:
    file = tmp_path / "service.env"
    file.write_text("# ours\nRENDER_LEASE_SECOND=12\nRENDER_LISTEN=127.0.0.1:0\n", encoding="utf-8")
    environment = os.environ | {"RENDER_CONFIG": str(file), "RENDER_WORKR_SLOTS": "3", "DATABASE_URL": "mysql://"}
    ran = subprocess.run(
        [sys.executable, "-m", "render_service", "migrate"],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    assert "RENDER_WORKR_SLOTS is no setting and has no effect: did you mean RENDER_WORKER_SLOTS?" in ran.stderr
    assert "RENDER_LEASE_SECOND is no setting and has no effect: did you mean RENDER_LEASE_SECONDS?" in ran.stderr
