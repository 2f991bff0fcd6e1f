"""A gRPC service that turns scripts and storyboards into finished videos."""

import sys
from typing import Any

# Extras that libraries import wherever they find them. Marked as not installed here, unless something imported them
# already, they take neither time nor memory.
_UNUSED_EXTRAS = (
    "opentelemetry.sdk.metrics",  # for the metrics of redis: 3 MiB, 40 ms
    "httpx._main",  # the command line of httpx, with Rich, Click and Pygments
    "mako.ext.pygmentplugin",  # colours of Mako, which Alembic uses, by Pygments
)
_modules: dict[str, Any] = sys.modules
for _extra in _UNUSED_EXTRAS:
    _modules.setdefault(_extra, None)
