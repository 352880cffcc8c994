"""Times as both faces write them."""

from datetime import UTC, datetime


def rfc3339(time: datetime) -> str:
    """A time in UTC with milliseconds, which is what MongoDB keeps: 2026-11-23T13:28:49.424Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
