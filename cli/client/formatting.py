"""Format and parse sizes and times, and make names safe to print."""

import re
from datetime import datetime, timedelta

from waybill.client.local_name import is_unprintable

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?", re.IGNORECASE)
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_AGO = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def format_size(size: float) -> str:
    """Return a size in bytes as text: 9.5 MiB."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if not unit or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def format_file_count(count: int) -> str:
    """Return a number of files as text: 1 file, 2 files."""
    return f"{count} file{'' if count == 1 else 's'}"


def format_duration(seconds: float) -> str:
    """Return a duration in seconds as text: 0.4 s, 12 s, 3:05, 1:00:09."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def parse_size(text: str) -> int:
    """Return the bytes of a size: 500, 10k, 1.5 GiB. k, M, G and T are powers of 1024.

    Raises:
        ValueError: the text is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size: write it as 500, 10k or 1.5GiB")
    power = " KMGT".index(found[2].upper()) if found[2] else 0
    return int(float(found[1]) * 1024**power)


def format_time(time: datetime) -> str:
    """Return a time as text, in this machine's time zone: 2026-11-23 14:28."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def parse_time(text: str) -> datetime:
    """Return the time of a date (2026-11-23), a time (2026-11-23T14:28) or an age (90m, 12h, 7d).

    Raises:
        ValueError: the text is not a time.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return datetime.now().astimezone() - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    try:
        # A time without an offset is in this machine's time zone.
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: write it as 2026-11-23, 2026-11-23T14:28Z, 12h or 7d"
        ) from None


def printable(text: str) -> str:
    """Replace characters that move the cursor, change colours, break the line or reverse its direction."""
    return "".join("\ufffd" if is_unprintable(letter) else letter for letter in as_text(text))


def as_text(name: str) -> str:
    """Return a local name as text. Bytes that are not UTF-8 are written as \\xe9."""
    # Python reads such a byte as a surrogate, which no encoder accepts. Source: PEP 383.
    return _NOT_UTF_8.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", name)
