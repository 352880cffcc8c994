"""What is temporary is tried again, neither for ever nor by everybody at once."""

import asyncio
from collections.abc import Callable

import pytest

from waybill.client import ApiError, StoreRefused, Unreachable
from waybill.client.retry import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, Retry


def refused(status: int, retry_after: float = 0) -> ApiError:
    return ApiError("Refused.", code="refused", status=status, retry_after=retry_after)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have slept."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


async def test_pauses_grow_to_a_limit(pauses: list[float]) -> None:
    retry = Retry(3600)
    for _ in range(50):
        await retry.wait_after(Unreachable("Away."))
    assert all(
        pause <= min(FIRST_PAUSE_SECONDS * 2**tries, MAX_PAUSE_SECONDS) for tries, pause in enumerate(pauses)
    )
    assert len(set(pauses)) == 50
    retry.reset()
    await retry.wait_after(Unreachable("Away."))
    assert pauses[-1] <= FIRST_PAUSE_SECONDS


async def test_a_server_that_asks_for_time_gets_it(pauses: list[float]) -> None:
    await Retry(60).wait_after(refused(429, retry_after=7))
    assert pauses[0] >= 7


async def test_retries_end(pauses: list[float]) -> None:
    error = refused(503, retry_after=61)
    with pytest.raises(ApiError) as raised:
        await Retry(60).wait_after(error)
    assert raised.value is error
    assert pauses == []


@pytest.mark.parametrize(
    ("error", "is_temporary"),
    [
        (lambda: Unreachable("Away."), True),
        (lambda: refused(503), True),
        (lambda: refused(502), True),
        (lambda: refused(500), False),
        (lambda: refused(409), False),
        (lambda: StoreRefused(500, "InternalError"), True),
        (lambda: StoreRefused(503, "SlowDown"), True),
        (lambda: StoreRefused(400, "RequestTimeout"), True),
        (lambda: StoreRefused(403, "AccessDenied"), False),
    ],
)
async def test_what_is_final_is_raised_at_once(
    pauses: list[float], error: Callable[[], ApiError | StoreRefused], is_temporary: bool
) -> None:
    try:
        await Retry(60).wait_after(error())
    except (ApiError, StoreRefused):
        assert not is_temporary
    assert bool(pauses) == is_temporary
