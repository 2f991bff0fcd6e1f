"""The schema revision that this build of the service expects.

Apart from `migrate`, so that server and worker can compare it without loading Alembic and every migration.
"""

from functools import cache
from pathlib import Path

_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def newest_revision() -> str:
    """Return the newest revision: migrations are numbered, and their files named `NUMBER_subject.py`."""
    return max(file.name.partition("_")[0] for file in _MIGRATIONS.glob("[0-9]*_*.py"))
