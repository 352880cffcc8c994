"""Create, read, update and delete an owner's webhooks, and rotate their secrets."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from waybill.events import change_stream
from waybill.platform.errors import InvalidInput, TooManyWebhooks
from waybill.platform.mongo.expressions import InSeconds
from waybill.platform.principal import Principal
from waybill.platform.settings import Settings
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.address_policy import may_be_public
from waybill.webhooks.message import new_secret
from waybill.webhooks.model import Event, Webhook
from waybill.webhooks.repository import AllTakenError

#: How long the previous secret still signs, in addition to the new one.
SECRET_OVERLAP = timedelta(days=1)

_URL = TypeAdapter(AnyHttpUrl)


def _plain_url(text: str) -> str:
    # Before the URL is parsed, because the parser removes controls and blanks, and reads \ as /.
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("must not hold a space, a control character or a backslash")
    # Parsed like in browsers, so that each form of a number becomes the address that it means.
    try:
        url = _URL.validate_python(text)
    except ValidationError:
        raise ValueError("must be an address such as https://example.com/hooks") from None
    if url.username is not None or url.password is not None:
        raise ValueError("must not hold a name or a password")
    if url.fragment is not None:
        raise ValueError("must not hold a fragment")
    return str(url)


def _in_order(events: list[Event]) -> list[Event]:
    return [event for event in Event if event in events]


Url = Annotated[
    str,
    Field(
        max_length=2048,
        description="The URL to send events to: https, without user, password, fragment or spaces.",
        examples=["https://example.com/hooks"],
        json_schema_extra={"format": "uri"},
    ),
    AfterValidator(_plain_url),
]
Events = Annotated[list[Event], Field(min_length=1), AfterValidator(_in_order)]
Description = Annotated[str, Field(max_length=255)]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class WebhookRequest(_Request):
    """A request for a webhook."""

    url: Url
    events: Events | None = Field(default=None, description="The events to send. If not given, all events.")
    description: Description | None = Field(default=None, description="Your own note.")


class WebhookChanges(_Request):
    """The changes of an update. A field that is missing or null stays.

    Only ``description`` can be removed by null.
    """

    url: Url | None = None
    events: Events | None = Field(default=None, description="The events to send.")
    description: Description | None = Field(default=None, description="Your own note. null removes it.")
    enabled: bool | None = Field(
        default=None,
        description="Whether events are sent. Events that happen while it is false are never sent.",
    )

    def given(self) -> dict[str, Any]:
        """Return the fields to set. None removes a field."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in fields.items() if value is not None or name == "description"}


@dataclass(frozen=True, slots=True)
class WithSecret:
    """A webhook and its secret, which is returned only once."""

    webhook: Webhook
    secret: str


async def create_webhook(
    settings: Settings, principal: Principal, webhook_request: WebhookRequest
) -> WithSecret:
    """Create a webhook. It receives the events of later changes of the caller's files.

    Raises:
        InvalidInput: the URL is not https, or its host not on the internet; see WEBHOOK_ALLOW_PRIVATE.
        TooManyWebhooks: the caller already has ``MAX_WEBHOOKS``.
        ServiceUnavailable: MongoDB is unavailable.
    """
    _check(settings, webhook_request.url)
    # Read the resume token before the insert, so that no change after the response is before the resume
    # token.
    since = await change_stream.current_resume_token()
    secret = new_secret()
    try:
        webhook = await repository.insert_webhook(
            principal.owner,
            url=webhook_request.url,
            events=webhook_request.events or list(Event),
            description=webhook_request.description,
            since=since,
            secret=secret,
        )
    except AllTakenError:
        raise TooManyWebhooks(repository.MAX_WEBHOOKS) from None
    return WithSecret(webhook, secret)


async def list_webhooks(principal: Principal) -> list[Webhook]:
    """Return the caller's webhooks, the oldest first."""
    return await repository.find_webhooks(principal.owner)


async def get_webhook(principal: Principal, webhook_id: str) -> Webhook:
    """Return one of the caller's webhooks. Raises WebhookNotFound."""
    return await repository.find_webhook(webhook_id, principal.owner)


async def update_webhook(
    settings: Settings, principal: Principal, webhook_id: str, webhook_changes: WebhookChanges
) -> Webhook:
    """Change a webhook. A webhook that is enabled again receives the events of later changes.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        InvalidInput: the URL is not https, or its host not on the internet.
    """
    while True:
        webhook = await repository.find_webhook(webhook_id, principal.owner)
        changes = webhook_changes.given()
        if "url" in changes:
            _check(settings, changes["url"])
        if changes.get("url", webhook.url) != webhook.url:
            # The new URL has not failed yet.
            changes["failing_since"] = None
        if "enabled" in changes and changes["enabled"] != webhook.enabled:
            changes |= {"disabled_reason": None, "failing_since": None}
            if changes["enabled"]:
                changes["since"] = await change_stream.current_resume_token()
        # If a worker disables it meanwhile, read it again, because then more fields must change.
        still = {"enabled": webhook.enabled}
        changed = await repository.change_webhook(webhook, still, **changes) if changes else webhook
        if changed is not None:
            return changed


async def rotate_webhook_secret(principal: Principal, webhook_id: str) -> WithSecret:
    """Sign with a new secret, and for a day also with the previous one. Raises WebhookNotFound."""
    while True:
        webhook = await repository.find_webhook(webhook_id, principal.owner)
        secret = new_secret()
        rotated = await repository.change_webhook(
            webhook,
            {"secret": webhook.secret},
            secret=secret,
            previous_secret=webhook.secret,
            previous_until=InSeconds(SECRET_OVERLAP.total_seconds()),
        )
        if rotated is not None:
            return WithSecret(rotated, secret)


async def delete_webhook(principal: Principal, webhook_id: str) -> None:
    """Delete a webhook and its deliveries, also those that are not sent yet.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    webhook = await repository.find_webhook(webhook_id, principal.owner)
    # Before the webhook, so that after an outage the webhook still exists and the request can be repeated.
    await delivery_repository.delete_deliveries(webhook.webhook_id)
    await repository.delete_webhook(webhook)


def _check(settings: Settings, url: str) -> None:
    """Refuse a URL that attempts would not be sent to.

    Each attempt checks the host and its addresses again.
    """
    if settings.webhook_allow_private:
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise InvalidInput({"url": "must begin with https://"})
    if not may_be_public(parts.hostname or ""):
        raise InvalidInput({"url": "must be a host on the internet"})
