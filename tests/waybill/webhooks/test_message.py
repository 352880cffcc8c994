"""Our signatures, verified by the library of the specification."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from waybill.webhooks.message import new_secret, signed_headers

BODY = '{"type":"ping","name":"größe"}'.encode()


def test_a_secret_is_long_enough_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in secrets} == {32}


def test_each_secret_signs() -> None:
    secrets = [new_secret() for _ in range(2)]
    headers = signed_headers("msg_1", datetime.now(UTC), BODY, secrets)
    for secret in secrets:
        assert Webhook(secret).verify(BODY, dict(headers)) == {"type": "ping", "name": "größe"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, dict(headers))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "body"])
def test_nothing_can_be_changed(name: str) -> None:
    secret = new_secret()
    now = datetime.now(UTC)
    headers = dict(signed_headers("msg_1", now, BODY, [secret]))
    other = dict(signed_headers("msg_2", now + timedelta(seconds=10), b"{}", [secret]))
    forged = headers | {name: other[name]} if name in headers else headers
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY if name in headers else b"{}", forged)


def test_what_is_old_is_not_believed() -> None:
    secret = new_secret()
    headers = signed_headers("msg_1", datetime.now(UTC) - timedelta(minutes=6), BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, dict(headers))
