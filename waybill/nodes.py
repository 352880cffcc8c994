"""Find a caller's files, webhooks and deliveries by their ids alone."""

import re
from collections.abc import Sequence

from waybill.files import repository as file_repository
from waybill.files.batch import check_count
from waybill.files.model import File
from waybill.files.operations import repository as operation_repository
from waybill.files.operations.model import Operation
from waybill.platform.principal import Principal
from waybill.resources import Resources
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.model import Delivery, Webhook

Node = File | Webhook | Delivery | Operation

_DELIVERY_ID = re.compile("msg_[0-9a-f]{32}")


async def find_node(principal: Principal, node_id: str) -> Node | None:
    """Return the object with this id, or None."""
    return (await _find(principal, [node_id])).get(node_id.lower())


async def find_nodes(resources: Resources, principal: Principal, ids: Sequence[str]) -> list[Node | None]:
    """Return the object with each id, or None in its place.

    Raises:
        InvalidInput: there are no ids or too many.
        RateLimited: so many operations are over the owner's rate limit.
    """
    check_count(resources, "ids", ids)
    # The request itself was counted as one.
    await resources.rate_limit.admit(principal.owner, len(ids) - 1, counted=1)
    found = await _find(principal, ids)
    return [found.get(each.lower()) for each in ids]


async def _find(principal: Principal, ids: Sequence[str]) -> dict[str, Node]:
    """Return the objects that exist, by id in lower case.

    Ids are unique, because they are MongoDB's ObjectIds.
    """
    file_ids = {each.lower() for each in ids if file_repository.is_file_id(each)}
    delivery_ids = {each for each in ids if _DELIVERY_ID.fullmatch(each)}
    found: dict[str, Node] = {}
    if file_ids:
        found |= await file_repository.find_own(principal.owner, file_ids)
    if delivery_ids or file_ids - found.keys():
        webhooks = await repository.find_webhooks(principal.owner)
        found |= {each.webhook_id: each for each in webhooks if each.webhook_id in file_ids}
        if delivery_ids and webhooks:
            found |= await delivery_repository.find_deliveries_of(webhooks, delivery_ids)
    if others := file_ids - found.keys():
        found |= await operation_repository.find_own(principal.owner, others)
    return found
