"""The environment variables that settings are read from, and what is wrong with one."""

from collections.abc import Mapping

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails


def names_of(fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    names = {}
    for field, info in fields.items():
        alias = info.validation_alias
        plain = alias.choices[0] if isinstance(alias, AliasChoices) else f"SELLER_{field}"
        names[field] = str(plain).upper()
    return names


def mistake(error: ErrorDetails, names: Mapping[str, str]) -> str:
    """One line for whoever set the variable. Passwords are in URLs, so those are not repeated."""
    if not error["loc"]:  # several settings that do not fit together; the message names them
        return error["msg"].removeprefix("Value error, ")
    location = str(error["loc"][0]).upper()
    name = names.get(location.removeprefix("SELLER_").lower(), location)
    given = "" if name.endswith("_URL") else f" (given: {error['input']!r})"
    return f"{name}: {error['msg']}{given}"
