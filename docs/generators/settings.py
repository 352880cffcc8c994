"""The settings: names, defaults and limits from `Settings`, meanings from docs/reference/settings.md."""

import re
from typing import Any

from pydantic_core import PydanticUndefined

from docs.generators.markdown import StaleError, code, table, table_rows
from waybill.platform.settings import Settings

#: Set by `waybill up` alone.
UNDOCUMENTED = {"embedded"}


def render() -> str:
    """Every setting.

    Raises:
        StaleError: the page lacks a setting, or has another default than the code.
    """
    known = {
        f"WAYBILL_{name.upper()}": field
        for name, field in Settings.model_fields.items()
        if name not in UNDOCUMENTED
    }
    rows = []
    for names, default, meaning in table_rows("settings"):
        for name in re.findall(r"`(\w+)`", names):
            if name not in known:
                raise StaleError(f"docs/reference/settings.md names {name}, which is not a setting")
            field = known.pop(name)
            _compare(name, default, field.default)
            rows.append((f'<span id="{name.lower()}"></span>{code(name)}', default, _limits(field), meaning))
    if known:
        raise StaleError(f"docs/reference/settings.md lacks {', '.join(known)}")
    return table(("variable", "default", "limits", "meaning"), rows)


def _compare(name: str, documented: str, default: Any) -> None:
    """A default that stands in the page as a value must be the one that holds."""
    value = documented.strip("`")
    is_value = documented.startswith("`") or value.isdecimal()
    # Several values are written as the environment has them.
    shown = ",".join(default) if isinstance(default, tuple) else str(default)
    shown = shown.lower() if isinstance(default, bool) else shown
    if is_value and value != shown:
        raise StaleError(
            f"docs/reference/settings.md says that {name} is {value} by default, and it is {shown}"
        )
    if documented == "required" and default is not PydanticUndefined:
        raise StaleError(
            f"docs/reference/settings.md says that {name} is required, and it is {shown} by default"
        )
    if not is_value and default not in (PydanticUndefined, None, "", ()):
        raise StaleError(f"docs/reference/settings.md does not say that {name} is {shown} by default")


def _limits(field: Any) -> str:
    """What Pydantic refuses, as far as a number or a length says it."""
    for least, most, unit in (("ge", "le", ""), ("min_length", "max_length", " characters")):
        low, high = _constraint(field, least), _constraint(field, most)
        if high is not None:
            return f"{low} to {high}{unit}"
        if low is not None:
            return f"{low}{unit} or more"
    return ""


def _constraint(field: Any, name: str) -> int | None:
    return next((getattr(each, name) for each in field.metadata if hasattr(each, name)), None)
