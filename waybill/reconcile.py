"""Enqueue again the jobs of all domains that were lost between the database and the queue."""

import asyncio

from waybill.files.operations.send import reconcile_operations
from waybill.files.reconcile import reconcile_purges, reconcile_verifications
from waybill.resources import Resources
from waybill.webhooks.reconcile import reconcile_deliveries


async def reconcile(resources: Resources) -> None:
    """Send due verifications, purges, deliveries and operations, in parallel.

    Raises:
        ServiceUnavailable: MongoDB or Redis is unavailable. The next run is the retry.
    """
    outcomes = await asyncio.gather(
        reconcile_verifications(resources),
        reconcile_purges(resources),
        reconcile_deliveries(resources),
        reconcile_operations(resources),
        return_exceptions=True,
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
