"""A webhook is changed by its owner while a worker changes it too."""

from typing import Any

import pytest

from tests.waybill.webhooks.records import new_webhook
from waybill.platform.principal import Principal
from waybill.resources import Resources
from waybill.webhooks import repository
from waybill.webhooks.model import DisabledReason
from waybill.webhooks.service import WebhookChanges, update_webhook


async def test_a_webhook_that_is_disabled_while_it_is_enabled_is_enabled_whole(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await new_webhook(owner)
    change = repository.change_webhook

    async def change_too_late(*args: Any, **changes: Any) -> Any:
        monkeypatch.setattr(repository, "change_webhook", change)
        await change(webhook, {}, enabled=False, disabled_reason=DisabledReason.GONE)
        return await change(*args, **changes)

    monkeypatch.setattr(repository, "change_webhook", change_too_late)
    wanted = WebhookChanges.model_validate({"enabled": True})
    changed = await update_webhook(resources.settings, Principal(owner), webhook.webhook_id, wanted)
    assert (changed.enabled, changed.disabled_reason) == (True, None)
    assert changed.since > webhook.since
