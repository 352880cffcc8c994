"""Transfers keep to a rate together."""

import asyncio
import time

import pytest

from waybill.client.bandwidth import BandwidthLimit

MIB = 1024**2


async def test_pieces_are_delayed_to_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    limit = BandwidthLimit(MIB)
    for _ in range(41):
        await limit.acquire(MIB // 4)
    assert now == pytest.approx(110)
    # What was not used is not saved up.
    now += 60
    for _ in range(5):
        await limit.acquire(MIB)
    assert now == pytest.approx(174)


@pytest.mark.parametrize(
    ("rate", "piece"), [(None, 256 * 1024), (1, 4096), (MIB, MIB // 8), (10 * MIB, 256 * 1024)]
)
def test_pieces_are_small_if_the_rate_is(rate: int | None, piece: int) -> None:
    assert BandwidthLimit(rate).piece_bytes(256 * 1024) == piece


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 byte"):
        BandwidthLimit(0)
