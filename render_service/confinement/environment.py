"""The environment that confined processes inherit."""

import os

# What Python, the dynamic linker and libraries need; above all none of the service's settings and credentials.
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "TZ", "VIRTUAL_ENV")


def inherited_environment() -> dict[str, str]:
    """Return the variables of this process's environment that a confined process may see."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}
