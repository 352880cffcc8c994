"""Which URLs a webhook may have if private addresses are not allowed."""

import pytest

from tests.waybill.webhooks.records import new_webhook
from waybill.platform.errors import InvalidInput
from waybill.platform.principal import Principal
from waybill.platform.settings import Settings
from waybill.resources import Resources
from waybill.webhooks import repository
from waybill.webhooks.service import WebhookChanges, WebhookRequest, create_webhook, update_webhook


@pytest.fixture
def settings(resources: Resources) -> Settings:
    """Settings as in production."""
    return resources.settings.model_copy(update={"webhook_allow_private": False})


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "https://localhost/", "https://localhost./", "https://mongo/"),
        *("https://metadata.google.internal/", "https://168.63.129.16/", "https://192.0.0.192/"),
        *("https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://%31%32%37.1/"),
        *("https://[::ffff:a83f:8110]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[fd00:ec2::254]/"),
        *(
            "https://[2002:7f00:1::]/",
            "https://[2001:0:7f00:1::]/",
            "https://example.com./",
            "https://a..com/",
        ),
    ],
)
async def test_a_host_that_is_not_on_the_internet_is_refused(
    settings: Settings, owner: str, url: str
) -> None:
    webhook = await new_webhook(owner)
    with pytest.raises(InvalidInput):
        await create_webhook(settings, Principal(owner), WebhookRequest(url=url))
    with pytest.raises(InvalidInput):
        await update_webhook(settings, Principal(owner), webhook.webhook_id, WebhookChanges(url=url))
    assert [each.url for each in await repository.find_webhooks(owner)] == [webhook.url]


async def test_a_host_on_the_internet_is_accepted(settings: Settings, owner: str) -> None:
    created = await create_webhook(
        settings, Principal(owner), WebhookRequest(url="https://Example.com/hooks")
    )
    assert created.webhook.url == "https://example.com/hooks"
