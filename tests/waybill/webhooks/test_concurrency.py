"""Slow receivers get one attempt at a time, and are forgotten."""

import pytest

from waybill.webhooks import concurrency
from waybill.webhooks.concurrency import ABREAST, SLOW, SLOW_FOR_SECONDS, Turns


def taken(limiter: Turns, receiver: str) -> int:
    """How many turns a receiver gets at once; they are given back."""
    count = 0
    while limiter.take(receiver):
        count += 1
    for _ in range(count):
        limiter.give_back(receiver)
    return count


def test_a_slow_receiver_gets_one_turn_until_it_is_quick_again() -> None:
    limiter = Turns()
    limiter.note("slow", SLOW)
    assert (taken(limiter, "slow"), taken(limiter, "other")) == (1, ABREAST)
    limiter.note("slow", 0.1)
    assert taken(limiter, "slow") == ABREAST


def test_slow_receivers_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Turns()
    monkeypatch.setattr(concurrency, "monotonic", lambda: 1000.0)
    for number in range(5000):
        limiter.note(f"gone-{number}", SLOW)
    limiter.note("still-there", SLOW)
    monkeypatch.setattr(concurrency, "monotonic", lambda: 1000.0 + SLOW_FOR_SECONDS)
    limiter.note("still-there", SLOW)
    assert taken(limiter, "still-there") == 1
    monkeypatch.setattr(concurrency, "monotonic", lambda: 1001.0 + SLOW_FOR_SECONDS)
    assert taken(limiter, "gone-7") == ABREAST
    assert taken(limiter, "still-there") == 1
    assert len(limiter._slow) == 1
