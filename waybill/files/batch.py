"""Several operations in one call, each with an outcome of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from waybill.files.complete import complete_upload
from waybill.files.delete import mark_deleted
from waybill.files.model import File
from waybill.files.open_upload import UploadGrant
from waybill.files.request import request_upload
from waybill.files.upload_request import UploadRequest, check_idempotency_key
from waybill.platform.errors import InvalidInput, ServiceUnavailable, WaybillError
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT
from waybill.platform.validation import parse
from waybill.resources import Resources

#: Operations in one call, and how many of them are done at a time.
MAX_BATCH_ITEMS = 100
MAX_CONCURRENT = 10

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The result of one item: a value, or an error."""

    value: T | None = None
    error: WaybillError | None = None


async def request_many(
    resources: Resources, principal: Principal, items: Sequence[Any], idempotency_key: str | None = None
) -> list[Outcome[UploadGrant]]:
    """Request several uploads, each given as unchecked fields.

    Args:
        idempotency_key: Makes a repeat of the batch safe. Each item gets a key of its own, from its position.

    Raises:
        InvalidInput: there are no items or too many, or the key is malformed.
        RateLimited: so many operations are over the owner's rate limit.
        ServiceUnavailable: MongoDB is unavailable; nothing was stored.
    """
    if idempotency_key is not None:
        check_idempotency_key(idempotency_key)

    async def request(place: int) -> UploadGrant:
        upload_request = parse(UploadRequest, items[place])
        return await request_upload(resources, principal, upload_request, idempotency_key, place)

    check_count(resources, "items", items)
    return await _each(resources, principal, range(len(items)), request)


async def complete_many(
    resources: Resources, principal: Principal, ids: Sequence[str]
) -> list[Outcome[File]]:
    """Complete several uploads. Raises the same errors as ``request_many``."""
    check_count(resources, "ids", ids)
    return await _each(resources, principal, ids, lambda id_: complete_upload(resources, principal, id_))


async def delete_many(resources: Resources, principal: Principal, ids: Sequence[str]) -> list[Outcome[File]]:
    """Delete several files. Raises the same errors as ``request_many``."""
    check_count(resources, "ids", ids)
    deleted = await _each(resources, principal, ids, lambda id_: mark_deleted(resources, principal, id_))
    due = [each.value.file.file_id for each in deleted if each.value is not None and each.value.is_due_now]
    if due:
        # One message, so one request to the store. After a crash before this line the reconciler sends it.
        await resources.sender.send(PURGE_OBJECT, *due)
    return [Outcome(None if each.value is None else each.value.file, each.error) for each in deleted]


def check_count(resources: Resources, name: str, items: Sequence[Any]) -> None:
    """Raise InvalidInput if there are no items, or too many for one call."""
    # A batch above the rate limit's burst could never be admitted.
    most = min(MAX_BATCH_ITEMS, resources.rate_limit.most_at_once)
    if not 1 <= len(items) <= most:
        raise InvalidInput({name: f"must be 1 to {most}"})


async def _each(
    resources: Resources, principal: Principal, items: Sequence[Item], do: Callable[[Item], Awaitable[T]]
) -> list[Outcome[T]]:
    # The request itself was counted as one.
    await resources.rate_limit.admit(principal.owner, len(items) - 1, counted=1)
    slots = asyncio.Semaphore(MAX_CONCURRENT)

    async def outcome(item: Item) -> Outcome[T]:
        async with slots:
            try:
                return Outcome(value=await do(item))
            except WaybillError as error:
                return Outcome(error=error)

    outcomes = await asyncio.gather(*(outcome(item) for item in items))
    outage = outcomes[0].error
    if isinstance(outage, ServiceUnavailable) and all(
        isinstance(each.error, ServiceUnavailable) for each in outcomes
    ):
        raise outage
    return outcomes
