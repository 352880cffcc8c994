"""Insert, find and change deliveries."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.errors import BulkWriteError

from waybill.platform.errors import DeliveryNotFound
from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS, database_time
from waybill.platform.mongo.due_groups import PAGE_DOCUMENTS, Group, find_groups
from waybill.platform.mongo.errors import is_duplicates_only, map_driver_errors
from waybill.platform.mongo.expressions import DUE, NOW, InSeconds, stages
from waybill.webhooks.model import Delivery, DeliveryStatus, Webhook

_FREE: Mapping[str, Any] = {
    "status": DeliveryStatus.PENDING.value,
    "$or": [{"attempt": None}, DUE],
}

#: For ``change_delivery``: the next attempt is due, and no attempt holds the lease.
READY: Mapping[str, Any] = {
    "next_attempt_at": {"$exists": True},
    "$expr": {"$lte": ["$next_attempt_at", "$$NOW"]},
    **_FREE,
}

# Less than every id.
_FIRST = ObjectId("0" * 24)


async def insert_deliveries(deliveries: Sequence[Mapping[str, Any]], reconcile_after: float) -> None:
    """Insert deliveries that are due now. A delivery whose ``_id`` exists is not changed.

    If their jobs are lost, the reconciler enqueues them after ``reconcile_after`` seconds.
    """
    common = {
        "status": DeliveryStatus.PENDING.value,
        "tried": 0,
        "created_at": NOW,
        "next_attempt_at": NOW,
        "due_at": InSeconds(reconcile_after),
    }
    # An upsert, because an insert cannot use $$NOW. If the id exists it fails as a duplicate.
    new = [
        pymongo.UpdateOne(
            {"_id": delivery["_id"], "created_at": {"$exists": False}},
            stages({**delivery, **common}),
            upsert=True,
        )
        for delivery in deliveries
    ]
    with map_driver_errors():
        try:
            await _collection().bulk_write(new, ordered=False)
        except BulkWriteError as error:
            if not is_duplicates_only(error):
                raise


async def find_delivery(delivery_id: str, webhook: Webhook | None = None) -> Delivery:
    """Return the delivery with this id. With ``webhook``, only if it belongs to that webhook.

    Raises:
        DeliveryNotFound: there is no such delivery, or it is older than 30 days.
    """
    query: dict[str, Any] = {"_id": delivery_id}
    if webhook is not None:
        query["webhook"] = webhook.id
    with map_driver_errors():
        found = await _collection().find_one(query)
    if found is None:
        raise DeliveryNotFound(delivery_id)
    return _delivery_of(found)


async def find_deliveries_of(
    webhooks: Sequence[Webhook], delivery_ids: Collection[str]
) -> dict[str, Delivery]:
    """Return the deliveries with these ids that belong to one of the webhooks, by id."""
    query = {"_id": {"$in": [*delivery_ids]}, "webhook": {"$in": [webhook.id for webhook in webhooks]}}
    with map_driver_errors():
        found = await _collection().find(query).limit(len(delivery_ids)).to_list(len(delivery_ids))
    return {document["_id"]: _delivery_of(document) for document in found}


async def find_deliveries(
    webhook: Webhook,
    statuses: Iterable[DeliveryStatus],
    *,
    limit: int,
    after: tuple[datetime, str] | None,
) -> list[Delivery]:
    """Return up to ``limit`` deliveries after the time and id ``after``, the newest first."""
    with map_driver_errors():
        found = await deliveries_query(webhook, statuses, after=after).limit(limit).to_list(limit)
    return [_delivery_of(document) for document in found]


def deliveries_query(
    webhook: Webhook, statuses: Iterable[DeliveryStatus], *, after: tuple[datetime, str] | None
) -> Any:
    """Return the driver's cursor over a webhook's deliveries. It reads no others."""
    own = {"webhook": webhook.id}
    conditions = [{"status": status.value} for status in set(statuses)]
    places: list[dict[str, Any]] = [{}]
    if after is not None:
        time, delivery_id = after
        places = [{"created_at": time, "_id": {"$lt": delivery_id}}, {"created_at": {"$lt": time}}]
    # Each branch is one range of the index, and MongoDB merges them.
    branches = [{**own, **place, **status} for place in places for status in conditions or [{}]]
    # With a hint, because by time alone a page of a rare status would read all deliveries of 30 days.
    index = "newest_by_status" if conditions else "newest"
    return _collection().find({"$or": branches}).sort([("created_at", -1), ("_id", -1)]).hint(index)


async def find_waiting(webhook_id: str) -> str | None:
    """Return the id of the oldest delivery of a webhook that is due and not leased, or None."""
    # The database's time as a plain value, because $$NOW inside $expr does not bound an index scan.
    query = {"webhook": ObjectId(webhook_id), "next_attempt_at": {"$lte": await database_time()}, **_FREE}
    with map_driver_errors():
        found = await _collection().find_one(query, {"_id": 1}, sort=[("next_attempt_at", 1)])
    return None if found is None else found["_id"]


async def find_due_webhooks(after: str, page: int = PAGE_DOCUMENTS) -> AsyncGenerator[Group[ObjectId], None]:
    """Yield the due deliveries of each webhook after ``after`` ("": all), as groups of ``find_groups``."""
    due = {"due_at": {"$lte": await database_time()}}
    behind = ObjectId(after) if after else _FIRST
    async for group in find_groups(_collection(), "webhook", behind, due, page):
        yield group


async def postpone_deliveries(ids: Sequence[str], reconcile_after: float) -> int:
    """Postpone due deliveries by ``reconcile_after`` seconds, and end their leases. Return how many."""
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        done = await _collection().update_many(
            {"_id": {"$in": ids}, **DUE}, stages({"due_at": InSeconds(reconcile_after), "attempt": None})
        )
    postponed: int = done.matched_count
    return postponed


async def change_delivery(delivery_id: str, expected: Mapping[str, Any], **changes: Any) -> Delivery | None:
    """Set and unset fields of a delivery, if it matches ``expected``.

    Return it, or None if it does not match.
    """
    with map_driver_errors():
        found = await _collection().find_one_and_update(
            {"_id": delivery_id, **expected},
            stages(changes),
            return_document=pymongo.ReturnDocument.AFTER,
        )
    return None if found is None else _delivery_of(found)


async def delete_deliveries(webhook_id: str) -> None:
    """Remove all deliveries of a webhook."""
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        await _collection().delete_many({"webhook": ObjectId(webhook_id)})


def _delivery_of(document: Mapping[str, Any]) -> Delivery:
    delivery: Delivery = Delivery.model_validate(document)
    return delivery


def _collection() -> Any:
    return Delivery.get_motor_collection()
