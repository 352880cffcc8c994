"""Sizes, times and names as people write and read them."""

import re
from datetime import datetime, timedelta

from waybill.client.local_name import is_unprintable

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?", re.IGNORECASE)
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_AGO = re.compile(r"(\d+)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def size_in_words(size: float) -> str:
    """A size for people: 9.5 MiB."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if not unit or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def files_in_words(count: int) -> str:
    """A number of files for people: 1 file, 2 files."""
    return f"{count} file{'' if count == 1 else 's'}"


def duration_in_words(seconds: float) -> str:
    """A duration for people: 0.4 s, 12 s, 3:05, 1:00:09."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def parse_size(text: str) -> int:
    """Bytes of what a person writes: 500, 10k, 1.5 GiB; k, M, G and T are powers of 1024.

    Raises:
        ValueError: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size: write it as 500, 10k or 1.5GiB")
    power = " KMGT".index(found[2].upper()) if found[2] else 0
    return int(float(found[1]) * 1024**power)


def time_in_words(time: datetime) -> str:
    """A time for people, by this machine's clock: 2026-11-23 14:28."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def parse_time(text: str) -> datetime:
    """The time of what a person writes: 2026-11-23, 2026-11-23T14:28, or as long ago as 90m, 12h or 7d.

    Raises:
        ValueError: it is no time.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return datetime.now().astimezone() - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    try:
        # Without an offset it is of this machine's clock.
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: write it as 2026-11-23, 2026-11-23T14:28Z, 12h or 7d"
        ) from None


def printable(text: str) -> str:
    """A name without what would move the cursor, change colours, break the line or turn it around."""
    return "".join("\ufffd" if is_unprintable(letter) else letter for letter in as_text(text))


def as_text(name: str) -> str:
    """A name of this machine as text: its bytes that are not UTF-8 are written as \\xe9."""
    # Python reads such a byte as a surrogate, which no encoder takes. Source: PEP 383.
    return _NOT_UTF_8.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", name)
