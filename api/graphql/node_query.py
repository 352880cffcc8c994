"""Query objects of any type by their ids."""

import strawberry

from api.graphql.context import Info
from api.graphql.node import Node
from api.graphql.operations import Operation
from api.graphql.types import File
from api.graphql.webhooks import Webhook, WebhookDelivery
from waybill import nodes
from waybill.files import model as file_model
from waybill.files.operations import model as operation_model
from waybill.nodes import find_node, find_nodes
from waybill.webhooks import model


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="A file, a webhook, a delivery or an operation of the caller; null if there is none."
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002
        return _node_of(await find_node(await info.context.principal(), id))

    @strawberry.field(
        description="Up to 100 objects, in the order of `ids`, with null for each that does not exist."
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        principal = await info.context.principal()
        return [_node_of(each) for each in await find_nodes(info.context.resources, principal, ids)]


def _node_of(found: nodes.Node | None) -> Node | None:
    match found:
        case file_model.File():
            return File.of(found)
        case model.Webhook():
            return Webhook.of(found)
        case model.Delivery():
            return WebhookDelivery.of(found)
        case operation_model.Operation():
            return Operation.of(found)
    return None
