"""Parse, format and round times (RFC 3339)."""

import re
from datetime import UTC, datetime

# The limits of Python's datetime. The year 0 or an offset from UTC can exceed them. No file is near them.
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

_RFC3339 = re.compile(r"(\d{4})-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_rfc3339(text: str) -> datetime:
    """Return the time that a text with an offset from UTC names.

    Raises:
        ValueError: the text is not a time of RFC 3339.
    """
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        if found[1] == "0000":
            return _FIRST
        time = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("must be a time such as 2026-11-23T13:28:49.424Z (RFC 3339)") from None
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return _FIRST if time.year == 1 else _LAST


def rfc3339(time: datetime) -> str:
    """Return a time in UTC with milliseconds, like 2026-11-23T13:28:49.424Z.

    MongoDB stores milliseconds too.
    """
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_milliseconds(time: datetime) -> datetime:
    """Return a time without microseconds, as MongoDB stores it. A response must equal a later read."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
