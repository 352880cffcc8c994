"""Enqueue operations: one of each owner at a time, in the order in which they were accepted."""

import structlog

from waybill.files.operations import repository
from waybill.platform.mongo.due_groups import Group
from waybill.platform.redis.messages import RECONCILE_AFTER_SECONDS, RUN_OPERATION
from waybill.resources import Resources

#: No operations are enqueued beyond this many messages in the queue.
MAX_OPERATIONS = 500

log = structlog.get_logger(__name__)


async def send_next(resources: Resources, owner: str) -> bool:
    """Enqueue a job for the owner's first open operation, if it needs one. Returns whether it was sent.

    Safe to repeat: of several jobs for one operation only the first that begins gets the lease.
    """
    operation = await repository.postpone_first(owner, RECONCILE_AFTER_SECONDS)
    if operation is None or operation.attempt is None:
        return False
    return await resources.sender.send(RUN_OPERATION, operation.operation_id, operation.attempt)


async def reconcile_operations(resources: Resources) -> int:
    """Enqueue operations whose job was lost or whose worker died, one of each owner.

    Returns:
        How many jobs were enqueued.
    """
    room = MAX_OPERATIONS - await resources.sender.waiting(RUN_OPERATION)

    async def send(due: Group[str], _: int) -> tuple[int, bool]:
        return int(await send_next(resources, due.key)), True

    sent = await resources.sweep_cursor.send_groups(RUN_OPERATION, room, repository.find_due_owners, send)
    if sent:
        log.info("due operations sent", operations=sent)
    return sent
