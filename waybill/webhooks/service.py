"""An owner's webhooks: where to send what, signed with which secret."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from waybill.events import change_stream
from waybill.platform.errors import InvalidInput, TooManyWebhooks
from waybill.platform.mongo.expressions import Later
from waybill.platform.principal import Principal
from waybill.platform.settings import Settings
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.address_policy import may_be_public
from waybill.webhooks.message import new_secret
from waybill.webhooks.model import Event, Webhook
from waybill.webhooks.repository import AllTakenError

#: How long the secret before the latest still signs beside it.
SECRET_OVERLAP = timedelta(days=1)

_URL = TypeAdapter(AnyHttpUrl)


def _plain_url(text: str) -> str:
    # Before the URL is parsed, because the parser removes controls and blanks, and reads \ as /.
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("must not hold a space, a control character or a backslash")
    # As browsers read it, so that a number in any of its forms comes out as the address that it is.
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
        description="Where to send events to: https, without a user, a password, a fragment or spaces.",
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
    """A webhook as a client asks for it. Both faces validate with it, and OpenAPI is made from it."""

    url: Url
    events: Events | None = Field(default=None, description="Which events to send; all if not given.")
    description: Description | None = Field(default=None, description="A note to yourself.")


class WebhookChanges(_Request):
    """What is to be different. What is not given stays, and so does what is null, but for the description."""

    url: Url | None = None
    events: Events | None = Field(default=None, description="Which events to send.")
    description: Description | None = Field(default=None, description="A note to yourself; null removes it.")
    enabled: bool | None = Field(
        default=None, description="Nothing is sent while a webhook is disabled, nor afterwards of that time."
    )

    def given(self) -> dict[str, Any]:
        """The fields to set; None removes one."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in fields.items() if value is not None or name == "description"}


@dataclass(frozen=True, slots=True)
class WithSecret:
    """A webhook and the secret that it signs with, which is shown only once."""

    webhook: Webhook
    secret: str


async def create_webhook(settings: Settings, principal: Principal, draft: WebhookRequest) -> WithSecret:
    """Have the caller's events sent to an address: those of changes that follow.

    Raises:
        InvalidInput: the address is not on the internet, or not https; see WEBHOOK_ALLOW_PRIVATE.
        TooManyWebhooks: the caller has as many as there may be.
        ServiceUnavailable: MongoDB is unavailable.
    """
    _check(settings, draft.url)
    # The place first and the webhook then: no change that follows the answer can lie before the place.
    since = await change_stream.current_position()
    secret = new_secret()
    try:
        webhook = await repository.insert_webhook(
            principal.owner,
            url=draft.url,
            events=draft.events or list(Event),
            description=draft.description,
            since=since,
            secret=secret,
        )
    except AllTakenError:
        raise TooManyWebhooks(repository.MAX_WEBHOOKS) from None
    return WithSecret(webhook, secret)


async def list_webhooks(principal: Principal) -> list[Webhook]:
    """The caller's webhooks, the oldest first."""
    return await repository.find_webhooks(principal.owner)


async def get_webhook(principal: Principal, webhook_id: str) -> Webhook:
    """One webhook of the caller's. Raises WebhookNotFound."""
    return await repository.find_webhook(webhook_id, principal.owner)


async def update_webhook(
    settings: Settings, principal: Principal, webhook_id: str, wanted: WebhookChanges
) -> Webhook:
    """Change a webhook. Enabling one that is disabled has it told of what happens from now on.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        InvalidInput: as ``create_webhook`` does.
    """
    while True:
        webhook = await repository.find_webhook(webhook_id, principal.owner)
        changes = wanted.given()
        if "url" in changes:
            _check(settings, changes["url"])
        if changes.get("url", webhook.url) != webhook.url:
            # The new address has done nothing yet.
            changes["failing_since"] = None
        if "enabled" in changes and changes["enabled"] != webhook.enabled:
            changes |= {"disabled_reason": None, "failing_since": None}
            if changes["enabled"]:
                changes["since"] = await change_stream.current_position()
        # A worker may disable it meanwhile, and then more is to be changed.
        still = {"enabled": webhook.enabled}
        changed = await repository.change_webhook(webhook, still, **changes) if changes else webhook
        if changed is not None:
            return changed


async def rotate_webhook_secret(principal: Principal, webhook_id: str) -> WithSecret:
    """Sign with a new secret, and for a day with the one before as well. Raises WebhookNotFound."""
    while True:
        webhook = await repository.find_webhook(webhook_id, principal.owner)
        secret = new_secret()
        rotated = await repository.change_webhook(
            webhook,
            {"secret": webhook.secret},
            secret=secret,
            previous_secret=webhook.secret,
            previous_until=Later(SECRET_OVERLAP.total_seconds()),
        )
        if rotated is not None:
            return WithSecret(rotated, secret)


async def delete_webhook(principal: Principal, webhook_id: str) -> None:
    """Remove a webhook, and with it what it is still owed.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    webhook = await repository.find_webhook(webhook_id, principal.owner)
    # Before the webhook, so that what an outage leaves behind is still there to be deleted.
    await delivery_repository.delete_deliveries(webhook.webhook_id)
    await repository.delete_webhook(webhook)


def _check(settings: Settings, url: str) -> None:
    """Refuse a URL that no attempt would be sent to. Each attempt checks the name and its addresses again."""
    if settings.webhook_allow_private:
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise InvalidInput({"url": "must begin with https://"})
    if not may_be_public(parts.hostname or ""):
        raise InvalidInput({"url": "must lead to a host on the internet"})
