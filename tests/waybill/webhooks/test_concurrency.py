"""Slow receivers get one attempt at a time, and are forgotten."""

import pytest

from waybill.webhooks import concurrency
from waybill.webhooks.concurrency import (
    MAX_CONCURRENT_ATTEMPTS,
    SLOW_FOR_SECONDS,
    SLOW_SECONDS,
    EndpointLimiter,
)


def taken(limiter: EndpointLimiter, receiver: str) -> int:
    """How many turns a receiver gets at once; they are given back."""
    count = 0
    while limiter.acquire(receiver):
        count += 1
    for _ in range(count):
        limiter.release(receiver)
    return count


def test_a_slow_receiver_gets_one_turn_until_it_is_quick_again() -> None:
    limiter = EndpointLimiter()
    limiter.record("slow", SLOW_SECONDS)
    assert (taken(limiter, "slow"), taken(limiter, "other")) == (1, MAX_CONCURRENT_ATTEMPTS)
    limiter.record("slow", 0.1)
    assert taken(limiter, "slow") == MAX_CONCURRENT_ATTEMPTS


def test_slow_receivers_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = EndpointLimiter()
    monkeypatch.setattr(concurrency, "monotonic", lambda: 1000.0)
    for number in range(5000):
        limiter.record(f"gone-{number}", SLOW_SECONDS)
    limiter.record("still-there", SLOW_SECONDS)
    monkeypatch.setattr(concurrency, "monotonic", lambda: 1000.0 + SLOW_FOR_SECONDS)
    limiter.record("still-there", SLOW_SECONDS)
    assert taken(limiter, "still-there") == 1
    monkeypatch.setattr(concurrency, "monotonic", lambda: 1001.0 + SLOW_FOR_SECONDS)
    assert taken(limiter, "gone-7") == MAX_CONCURRENT_ATTEMPTS
    assert taken(limiter, "still-there") == 1
    assert len(limiter._slow) == 1
