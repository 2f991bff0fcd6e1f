"""How fields of settings get the names of their environment variables."""

from pydantic import AliasGenerator
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsConfigDict

PREFIX = "RENDER_"

# `defer_build`: only the class that has all settings builds a validator, when it is first used. The fields' docstrings
# are for the reference page, whose generator reads them: pydantic would parse all sources at every start.
WITHOUT_PREFIX = SettingsConfigDict(alias_generator=AliasGenerator(validation_alias=str.upper), defer_build=True)
"""For settings that other programs name as well, such as DATABASE_URL: the variable is the field's name in capitals."""

WITH_PREFIX = SettingsConfigDict(alias_generator=None, env_prefix=PREFIX, defer_build=True)
"""For all others: the variable is the field's name in capitals, after `RENDER_`."""


def variable_of(name: str, field: FieldInfo) -> str:
    """Return the environment variable of a field."""
    alias = field.validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{name.upper()}"
