"""Reports variables that look like a mistyped setting, which would be ignored silently."""

from collections.abc import Iterable
from difflib import get_close_matches

from render_service.config.names import variable_of
from render_service.config.settings import Settings

_NOT_OURS = frozenset(
    {"RENDER_CONFIG", "RENDER_TARGET", "RENDER_TOKEN", "RENDER_WORKSPACE", "RENDER_TLS", "RENDER_TIMEOUT"}
)
"""Read elsewhere: by the settings' own source, and by the `render` command."""
_SIMILARITY = 0.8


def setting_names() -> frozenset[str]:
    """Return the environment variable of every setting."""
    return frozenset(variable_of(name, field) for name, field in Settings.model_fields.items())


def mistyped_settings(variables: Iterable[str]) -> list[str]:
    """Return a warning for each variable that is no setting but nearly has the name of one.

    Variables that resemble no setting stay unmentioned: hosting platforms set some that begin with RENDER_ as well.

    Args:
        variables: Names of the environment, or of the lines of a configuration file.
    """
    known = setting_names()
    warnings = []
    for name in sorted(set(variables) - known - _NOT_OURS):
        nearest = get_close_matches(name.upper(), known, n=1, cutoff=_SIMILARITY)
        if nearest and nearest[0] != name.upper():
            warnings.append(f"{name} is no setting and has no effect: did you mean {nearest[0]}?")
    return warnings
