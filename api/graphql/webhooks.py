"""Webhooks by GraphQL: the types, and the operations that translate."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry
from strawberry.relay import PageInfo

from api.graphql.context import Info
from api.graphql.lists import page_info, parse_listing
from api.graphql.node import Node
from waybill.platform.validation import parse
from waybill.webhooks import deliveries, model, service
from waybill.webhooks.deliveries import DeliveryListing, list_deliveries, ping_webhook, redeliver
from waybill.webhooks.model import DeliveryStatus, DisabledReason, Event
from waybill.webhooks.service import (
    WebhookChanges,
    WebhookRequest,
    create_webhook,
    delete_webhook,
    get_webhook,
    list_webhooks,
    rotate_webhook_secret,
    update_webhook,
)

WebhookEvent = strawberry.enum(
    Event, name="WebhookEvent", description="An event that webhooks receive. FILE_PURGED is `file.purged`."
)
WebhookDeliveryStatus = strawberry.enum(
    DeliveryStatus, name="WebhookDeliveryStatus", description="The status of a delivery."
)
WebhookDisabledReason = strawberry.enum(
    DisabledReason,
    name="WebhookDisabledReason",
    description="Why Waybill has disabled a webhook: its receiver returned 410 (GONE), or failed for days"
    " (FAILING).",
)


@strawberry.type(description="A URL that receives events.")
class Webhook(Node):
    url: str
    events: Sequence[WebhookEvent]  # type: ignore[valid-type]
    description: str | None
    enabled: bool
    disabled_reason: WebhookDisabledReason | None = strawberry.field(  # type: ignore[valid-type]
        description="Why Waybill has disabled the webhook; null otherwise."
    )
    created_at: datetime

    @classmethod
    def of(cls, webhook: model.Webhook) -> Self:
        return cls(
            id=strawberry.ID(webhook.webhook_id),
            url=webhook.url,
            events=webhook.events,
            description=webhook.description,
            enabled=webhook.enabled,
            disabled_reason=webhook.disabled_reason,
            created_at=webhook.created_at,
        )


@strawberry.type(description="A webhook and the secret that signs its messages.")
class WebhookWithSecret:
    webhook: Webhook
    secret: str = strawberry.field(
        description="The secret. It is returned only once, so store it for the receiver."
    )

    @classmethod
    def of(cls, made: service.WithSecret) -> Self:
        return cls(webhook=Webhook.of(made.webhook), secret=made.secret)


@strawberry.type(description="One request to a receiver.")
class WebhookAttempt:
    at: datetime
    status_code: int | None = strawberry.field(
        description="The status of the response; null if there was none."
    )
    error: str | None = strawberry.field(description="Why there was no response.")
    duration_ms: int


@strawberry.type(description="A message to a receiver, and its attempts.")
class WebhookDelivery(Node):
    type: str = strawberry.field(description="The event, such as file.completed, or ping.")
    file_id: strawberry.ID | None
    status: WebhookDeliveryStatus  # type: ignore[valid-type]
    attempts: Sequence[WebhookAttempt]
    next_attempt_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None

    @classmethod
    def of(cls, delivery: model.Delivery) -> Self:
        return cls(
            id=strawberry.ID(delivery.id),
            type=delivery.type,
            file_id=None if delivery.file is None else strawberry.ID(str(delivery.file)),
            status=delivery.status,
            attempts=[WebhookAttempt(**dict(attempt)) for attempt in delivery.attempts],
            next_attempt_at=delivery.next_attempt_at,
            created_at=delivery.created_at,
            delivered_at=delivery.delivered_at,
        )


@strawberry.type(description="A delivery and its cursor.")
class WebhookDeliveryEdge:
    node: WebhookDelivery
    cursor: str


@strawberry.type(description="Some deliveries of a list (Relay connection).")
class WebhookDeliveryConnection:
    edges: Sequence[WebhookDeliveryEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: deliveries.DeliveryPage, after: str | None) -> Self:
        edges = [
            WebhookDeliveryEdge(node=WebhookDelivery.of(delivery), cursor=page.cursor_of(delivery))
            for delivery in page.items
        ]
        return cls(
            edges=edges,
            page_info=page_info(edges, after, has_more=page.has_more),
        )


@strawberry.input(description="A webhook to create.")
class CreateWebhookInput:
    url: str = strawberry.field(
        description="The URL to send events to: https, without user, password, fragment or spaces."
    )
    events: list[WebhookEvent] | None = strawberry.field(  # type: ignore[valid-type]
        default=strawberry.UNSET, description="The events to send. If not given, all events."
    )
    description: str | None = strawberry.field(default=strawberry.UNSET, description="Your own note.")

    def fields(self) -> dict[str, object]:
        """Return the given fields, by the names that REST and GraphQL share."""
        return {name: value for name, value in vars(self).items() if value is not strawberry.UNSET}


@strawberry.input(description="The changes of a webhook. A field that is not given stays.")
class UpdateWebhookInput:
    url: str | None = strawberry.UNSET
    events: list[WebhookEvent] | None = strawberry.field(  # type: ignore[valid-type]
        default=strawberry.UNSET, description="The events to send."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Your own note. null removes it."
    )
    enabled: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether events are sent. Events that happen while it is false are never sent.",
    )

    def fields(self) -> dict[str, object]:
        """Return the given fields, by the names that REST and GraphQL share."""
        return {name: value for name, value in vars(self).items() if value is not strawberry.UNSET}


@strawberry.type
class WebhookQuery:
    @strawberry.field(description="All webhooks of the caller, the oldest first.")
    async def webhooks(self, info: Info) -> list[Webhook]:
        return [Webhook.of(webhook) for webhook in await list_webhooks(await info.context.principal())]

    @strawberry.field(description="One webhook.")
    async def webhook(self, info: Info, id: strawberry.ID) -> Webhook | None:  # noqa: A002
        return Webhook.of(await get_webhook(await info.context.principal(), id))

    @strawberry.field(description="The deliveries of a webhook of the last 30 days, the newest first.")
    async def webhook_deliveries(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        first: int | None = 20,
        after: Annotated[
            str | None, strawberry.argument(description="A cursor of this list.")
        ] = strawberry.UNSET,
        status: list[WebhookDeliveryStatus] | None = strawberry.UNSET,  # type: ignore[valid-type]
    ) -> WebhookDeliveryConnection:
        given = {"limit": first, "cursor": after, "status": status}
        principal = await info.context.principal()
        listing = parse_listing(DeliveryListing, given)
        page = await list_deliveries(principal, id, listing)
        return WebhookDeliveryConnection.of(page, listing.cursor)


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(description="Create a webhook. It receives later events.")
    async def create_webhook(
        self,
        info: Info,
        input: CreateWebhookInput,  # noqa: A002
    ) -> WebhookWithSecret:
        principal = await info.context.principal()
        webhook_request = parse(WebhookRequest, input.fields())
        return WebhookWithSecret.of(
            await create_webhook(info.context.resources.settings, principal, webhook_request)
        )

    @strawberry.mutation(description="Change a webhook.")
    async def update_webhook(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        input: UpdateWebhookInput,  # noqa: A002
    ) -> Webhook:
        principal = await info.context.principal()
        webhook_changes = parse(WebhookChanges, input.fields())
        return Webhook.of(
            await update_webhook(info.context.resources.settings, principal, id, webhook_changes)
        )

    @strawberry.mutation(
        description="Delete a webhook and its deliveries, also those not sent yet. Returns its id."
    )
    async def delete_webhook(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002
        await delete_webhook(await info.context.principal(), id)
        return id

    @strawberry.mutation(description="Get a new secret. For a day the previous secret also signs messages.")
    async def rotate_webhook_secret(self, info: Info, id: strawberry.ID) -> WebhookWithSecret:  # noqa: A002
        return WebhookWithSecret.of(await rotate_webhook_secret(await info.context.principal(), id))

    @strawberry.mutation(description="Send a test message without an event.")
    async def ping_webhook(self, info: Info, id: strawberry.ID) -> WebhookDelivery:  # noqa: A002
        principal = await info.context.principal()
        return WebhookDelivery.of(await ping_webhook(info.context.resources, principal, id))

    @strawberry.mutation(description="Send a message again, unchanged and with the same id.")
    async def redeliver(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        delivery_id: strawberry.ID,
    ) -> WebhookDelivery:
        principal = await info.context.principal()
        return WebhookDelivery.of(await redeliver(info.context.resources, principal, id, delivery_id))
