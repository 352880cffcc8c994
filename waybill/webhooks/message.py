"""Messages in the form of Standard Webhooks: body, id, secrets and signatures.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from waybill.platform.times import rfc3339

_PREFIX = "whsec_"

#: Bytes of a secret. The specification requires 24 to 64.
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret, in the form that the libraries of the specification accept."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, time: datetime, body: bytes, secrets_: Iterable[str]
) -> Mapping[str, str]:
    """Return the headers that sign a body, with one signature for each secret.

    ``time`` is the time of this attempt. Receivers refuse messages that are minutes old, to prevent replays.
    """
    timestamp = str(int(time.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets_),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def message_body(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """Return the body of a message: its type, the time of the event, and the data."""
    message = {"type": kind, "timestamp": rfc3339(at), "data": data}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def message_id(*facts: str) -> str:
    """Return the id of a message, from the webhook and the change.

    A change that is read again has the same id.
    """
    return f"msg_{hashlib.sha256('/'.join(facts).encode()).hexdigest()[:32]}"
