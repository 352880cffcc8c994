"""Combine calls that are made at the same time into one request. Each call gets its own outcome."""

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

#: The API's limit of items in one request.
MAX_ITEMS = 100

#: The API accepts bodies of 64 KiB. The rest is for the JSON around the items.
MAX_ITEMS_BYTES = 60 * 1024

#: How long the next request waits for more calls, if calls arrived during the last request.
GATHER_SECONDS = 0.2

#: The API processes some items of a batch at a time, and each may wait for the store.
TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API for one item or several.

    Args:
        path: the path for one item. ``{item}`` is replaced by an item that is not sent as the body.
        batch_path: the path for several items.
        field: the name of the list of items in the body.
        answer: the field of a result that has what a request for one item returns; None if it is the whole
        result.
    """

    path: str
    batch_path: str
    field: str
    answer: str | None = None


REQUEST_UPLOAD = Operation("/files/upload-request", "/files/batch/upload-request", "items")
COMPLETE = Operation("/files/{item}/complete", "/files/batch/complete", "ids", answer="file")


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    item: Any
    size: int
    answer: "asyncio.Future[Any]"

    def end(self, outcome: Any) -> None:
        """Give the caller a result or an error, unless it has one or was cancelled."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Batcher:
    """Requests one operation for many items.

    A single call is sent at once. If the API refuses an item, only that call fails. A retry repeats the whole
    request with the same idempotency key, so no item is processed twice.
    """

    def __init__(self, api: Api, operation: Operation) -> None:
        self._api = api
        self._operation = operation
        self._max_items = MAX_ITEMS
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
        if len(self._waiting) >= self._max_items:
            self._is_full.set()
        if self._collecting is None:
            self._collecting = asyncio.create_task(self._collect())
        return await call.answer

    async def close(self) -> None:
        """Cancel all requests."""
        tasks = [*self._requests, *([] if self._collecting is None else [self._collecting])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _collect(self) -> None:
        """Send one request after the other. Do not wait for retries."""
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
        """Return the calls of the next request, without cancelled ones."""
        batch: list[_Call] = []
        size = 0
        while self._waiting and len(batch) < self._max_items:
            call = self._waiting[0]
            if batch and size + call.size > MAX_ITEMS_BYTES:
                break
            self._waiting.popleft()
            if not call.answer.done():
                batch.append(call)
                size += call.size
        if len(self._waiting) < self._max_items:
            self._is_full.clear()
        return batch

    async def _request(self, batch: Sequence[_Call], was_answered: asyncio.Event) -> None:
        """Send a request until each call has an outcome."""
        try:
            await self._resolve(batch, was_answered)
        # Any error, such as one of the function that returns the token: the callers wait for an outcome.
        except Exception as error:
            if isinstance(error, InvalidInput) and len(batch) > 1 and self._operation.field in error.fields:
                # The rate limit of this server is smaller than the batch.
                self._max_items = len(batch) // 2
                self._waiting.extendleft(reversed(batch))
            else:
                for call in batch:
                    call.end(error)
        finally:
            was_answered.set()

    async def _resolve(self, batch: Sequence[_Call], was_answered: asyncio.Event) -> None:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        retry = self._api.new_retry()
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
                # Repeat all items, because the position of an item is part of its idempotency key.
                await retry.wait_after(failed[0][1])
            except ClientError:
                for call, error in failed:
                    call.end(error)
                return

    async def _send(self, items: Sequence[Any], headers: Mapping[str, str]) -> Sequence[Any]:
        """Send one request, and return the JSON or the error of each item."""
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
