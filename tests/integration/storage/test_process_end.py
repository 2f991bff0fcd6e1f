"""A command ends with its own exit code while the object store's native threads still work."""

import os
import subprocess
import sys
from pathlib import Path

# The store's thread is still inside Python when the command has its result and ends.
SLOW_THREAD = """
import asyncio, sys, threading, time
from render_service.cli.main import main

notify = asyncio.SelectorEventLoop.call_soon_threadsafe

def notify_and_stay(loop, *arguments, **options):
    notify(loop, *arguments, **options)
    while threading.current_thread() is not threading.main_thread():
        time.sleep(0.001)

asyncio.SelectorEventLoop.call_soon_threadsafe = notify_and_stay
sys.argv = ["render-service", "doctor"]
main()
"""


def test_a_command_does_not_abort_while_threads_of_the_store_end(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SLOW_THREAD],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": "postgresql://render@127.0.0.1:1/render",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "STORAGE_URL": f"file://{tmp_path}/objects",
            "RENDER_WORK_DIR": f"{tmp_path}/scratch",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr  # because of Postgres and Redis
    assert "ok    Storage" in ran.stdout
    assert "FAIL  Postgres" in ran.stdout
