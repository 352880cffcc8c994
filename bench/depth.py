"""What a page costs deep in a long list."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx

from bench.files import pending
from bench.floors.pipeline import bare
from bench.load import Target, load
from bench.measure import Row, at_most, compare
from bench.stand import OWNER, api_alone
from stack.stack import Stack
from tests.service import Service
from waybill.files.lifecycle import Status

FILES = 1_000_000
DEPTH = 500_000
BATCH = 10_000
SECONDS = 3


def depth(stack: Stack) -> Iterator[Row]:
    """A page of twenty, half a million files down, one connection."""
    with api_alone(stack) as service:
        asyncio.run(_fill(service))
        token = service.token(OWNER)
        first = f"{service.address}/api/v1/files"
        deep = f"{first}?cursor={_cursor_at(first, token, DEPTH)}"
        yield compare(
            f"list 20 files, {DEPTH:,} down of {FILES:,}",
            _p50(Target(deep, token)),
            "the first page",
            _p50(Target(first, token)),
            unit="ms",
            goal=at_most(1.3),
        )


async def _fill(service: Service) -> None:
    now = datetime.now(UTC)
    async with bare(dict(service.env)) as servers:
        for start in range(0, FILES, BATCH):
            documents = [
                pending(
                    OWNER,
                    name=f"holiday-{number}.jpg",
                    size=number,
                    created_at=now - timedelta(milliseconds=number),
                    status=Status.FAILED.value,
                )
                for number in range(start, start + BATCH)
            ]
            await servers.files.insert_many(documents, ordered=False)


def _cursor_at(url: str, token: str, position: int) -> str:
    """The cursor of the page at a depth, found as a client would: page by page."""
    cursor = ""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        for _ in range(position // 100):
            answer = client.get(url, params={"limit": 100, **({"cursor": cursor} if cursor else {})})
            cursor = answer.raise_for_status().json()["nextCursor"]
    return cursor


def _p50(target: Target) -> Callable[[], float]:
    load(target, seconds=1, connections=1)
    return lambda: load(target, seconds=SECONDS, connections=1).p50_ms
