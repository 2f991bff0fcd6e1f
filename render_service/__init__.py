"""A gRPC service that turns scripts and storyboards into finished videos."""

import sys
from typing import Any

# The client of Redis loads OpenTelemetry's metrics (3 MiB, 40 ms) wherever they are installed, used or not. Here that
# is for the sake of traces only, so it is told that there are none, unless somebody has loaded them already.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("opentelemetry.sdk.metrics", None)
