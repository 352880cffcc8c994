"""Sizes and times are formatted and parsed, and names are safe to print."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.client.formatting import format_size, parse_size, parse_time, printable


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (9_961_472, "9.5 MiB"),
        (200 * 1024**2, "200 MiB"),
        (5 * 1024**4, "5.0 TiB"),
        (5 * 1024**5, "5120 TiB"),
    ],
)
def test_sizes_are_short(size: int, words: str) -> None:
    assert format_size(size) == words


@pytest.mark.parametrize(
    ("text", "size"),
    [("500", 500), ("500 B", 500), ("10k", 10240), ("1.5GiB", 3 * 1024**3 // 2), ("2 tb", 2 * 1024**4)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1x", "1 KiBs", "0x10"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_times_are_read() -> None:
    assert parse_time("2026-11-23T14:28Z") == datetime(2026, 11, 23, 14, 28, tzinfo=UTC)
    assert parse_time("2026-11-23") == datetime(2026, 11, 23).astimezone()
    before = datetime.now(UTC) - timedelta(hours=12)
    assert timedelta() <= parse_time("12h") - before < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "yesterday", "12", "12y", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)


def test_names_cannot_move_the_cursor() -> None:
    assert printable("é ∆ 日本 👩‍🚀.txt") == "é ∆ 日本 👩‍🚀.txt"
    assert printable("a\x1b[2J\n\u202e\udcff") == "a\ufffd[2J\ufffd\ufffd\\xff"
