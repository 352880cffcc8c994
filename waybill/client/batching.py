"""Calls that are made at the same time go to the API in one request, and each gets its own outcome."""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from waybill.client.api import Api
from waybill.client.errors import ClientError, InvalidInput, error_of
from waybill.client.models import expected_fields

#: Calls in one request. The API takes no more.
MAX_ITEMS = 100

#: The API takes 64 KiB in one request; this leaves room for what is around the items.
MAX_ITEMS_BYTES = 60 * 1024

#: Seconds. If calls come while a request is under way more are likely to follow, and the next one waits.
GATHER_SECONDS = 0.2

#: Seconds. The API works through a batch some items at a time, and each may have to wait for the store.
TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API that takes one item or several.

    Args:
        path: where it is requested for one item; ``{item}`` stands for an item that is no body.
        batch_path: where it is requested for several.
        field: what the items of a batch are called.
        answer: the field of a result that holds what is answered for one item alone; None if all of it does.
    """

    path: str
    batch_path: str
    field: str
    answer: str | None = None


ANNOUNCE = Operation("/files/upload-request", "/files/batch/upload-request", "items")
COMPLETE = Operation("/files/{item}/complete", "/files/batch/complete", "ids", answer="file")


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    item: Any
    size: int
    answer: "asyncio.Future[Any]"

    def end(self, outcome: Any) -> None:
        """Give the caller an answer or an error, unless it has one or has given up."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Batcher:
    """Requests one operation for many items.

    A call that comes alone is sent at once and alone. An item that the API refuses fails alone. A request is
    repeated as it was, under the same idempotency key, so a repeat does nothing twice.
    """

    def __init__(self, api: Api, operation: Operation) -> None:
        self._api = api
        self._operation = operation
        self._most = MAX_ITEMS
        self._waiting: deque[_Call] = deque()
        self._is_full = asyncio.Event()
        self._collecting: asyncio.Task[None] | None = None
        self._requests: set[asyncio.Task[None]] = set()

    async def call(self, item: Any) -> Any:
        """Return the JSON of the answer for one item.

        Raises:
            ApiError: the API refused this item, or the request.
            Unreachable: the API does not answer.
        """
        call = _Call(item, len(json.dumps(item)), asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if len(self._waiting) >= self._most:
            self._is_full.set()
        if self._collecting is None:
            self._collecting = asyncio.create_task(self._collect())
        return await call.answer

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [*self._requests, *([] if self._collecting is None else [self._collecting])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _collect(self) -> None:
        """Send one request after the other. A repeat does not hold up the next one."""
        while batch := self._take():
            was_answered = asyncio.Event()
            request = asyncio.create_task(self._request(batch, was_answered))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            await was_answered.wait()
            if self._waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_full.wait(), GATHER_SECONDS)
        self._collecting = None

    def _take(self) -> list[_Call]:
        """Return the calls of the next request, without those that were given up."""
        batch: list[_Call] = []
        size = 0
        while self._waiting and len(batch) < self._most:
            call = self._waiting[0]
            if batch and size + call.size > MAX_ITEMS_BYTES:
                break
            self._waiting.popleft()
            if not call.answer.done():
                batch.append(call)
                size += call.size
        if len(self._waiting) < self._most:
            self._is_full.clear()
        return batch

    async def _request(self, batch: Sequence[_Call], was_answered: asyncio.Event) -> None:
        """Request until each call has an outcome."""
        try:
            await self._resolve(batch, was_answered)
        # Any error, such as that of a function that gives the token: the callers wait for an outcome.
        except Exception as error:
            if isinstance(error, InvalidInput) and len(batch) > 1 and self._operation.field in error.fields:
                # The rate limit of this server never admits so many at once.
                self._most = len(batch) // 2
                self._waiting.extendleft(reversed(batch))
            else:
                for call in batch:
                    call.end(error)
        finally:
            was_answered.set()

    async def _resolve(self, batch: Sequence[_Call], was_answered: asyncio.Event) -> None:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        patience = self._api.patience()
        while True:
            outcomes = await self._send([call.item for call in batch], headers)
            was_answered.set()
            failed: list[tuple[_Call, ClientError]] = []
            for call, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, ClientError) and outcome.is_temporary and not call.answer.done():
                    failed.append((call, outcome))
                else:
                    call.end(outcome)
            if not failed:
                return
            try:
                # All of them again: the place of an item is part of its idempotency key.
                await patience.after(failed[0][1])
            except ClientError:
                for call, error in failed:
                    call.end(error)
                return

    async def _send(self, items: Sequence[Any], headers: Mapping[str, str]) -> Sequence[Any]:
        """Request, and return the JSON or the error for each item."""
        operation = self._operation
        if len(items) == 1:
            path = operation.path.format(item=items[0])
            body = items[0] if path == operation.path else None
            return [await self._api.call("POST", path, body=body, headers=headers)]
        body = {operation.field: items}
        answer = await self._api.call(
            "POST", operation.batch_path, body=body, headers=headers, limits=TIMEOUT
        )
        with expected_fields():
            results: Sequence[Mapping[str, Any]] = answer["results"]
            return [_outcome(operation, result) for _, result in zip(items, results, strict=True)]


def _outcome(operation: Operation, result: Mapping[str, Any]) -> Any:
    if (problem := result["error"]) is not None:
        return error_of(problem, int(problem["status"]))
    return result if operation.answer is None else result[operation.answer]
