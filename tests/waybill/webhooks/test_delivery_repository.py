"""A page of a webhook's deliveries reads no others, with any statuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.waybill.files.listing.test_plans import stages
from waybill.files.model import FileId
from waybill.resources import Resources
from waybill.webhooks.delivery_repository import deliveries_query, find_deliveries
from waybill.webhooks.model import Delivery, DeliveryStatus, Webhook

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DELIVERIES = 3000
LIMIT = 10

#: One delivery in so many failed; all others were delivered.
RARE = 500


@pytest.mark.parametrize("after", [None, (NOON + timedelta(seconds=500), "m-1500")], ids=["first", "after"])
@pytest.mark.parametrize(
    "statuses",
    [[], [DeliveryStatus.FAILED], [DeliveryStatus.FAILED, DeliveryStatus.PENDING], list(DeliveryStatus)],
    ids=len,
)
async def test_a_page_reads_its_own_deliveries_alone(
    resources: Resources, statuses: list[DeliveryStatus], after: Any
) -> None:
    webhook = Webhook.model_construct(id=FileId())
    await Delivery.get_motor_collection().insert_many(
        {
            "_id": f"m-{number:04}",
            "webhook": webhook.id,
            "type": "file.completed",
            "body": "{}",
            "created_at": NOON + timedelta(seconds=number // 3),
            "status": (DeliveryStatus.DELIVERED if number % RARE else DeliveryStatus.FAILED).value,
            "tried": 1,
        }
        for number in range(DELIVERIES)
    )
    took = await deliveries_query(webhook, statuses, after=after).limit(LIMIT).explain()
    kinds = {stage["stage"] for stage in stages(took["queryPlanner"]["winningPlan"])}
    assert not kinds & {"SORT", "COLLSCAN"}
    # At most one more of each range that is merged: two for each status.
    assert took["executionStats"]["totalDocsExamined"] <= LIMIT + 2 * len(statuses) + 1
    found = await find_deliveries(webhook, statuses, limit=LIMIT, after=after)
    expected = [
        (NOON + timedelta(seconds=number // 3), f"m-{number:04}")
        for number in reversed(range(DELIVERIES))
        if not statuses or (DeliveryStatus.DELIVERED if number % RARE else DeliveryStatus.FAILED) in statuses
    ]
    assert [each.id for each in found] == [
        delivery for time, delivery in expected if after is None or (time, delivery) < after
    ][:LIMIT]
