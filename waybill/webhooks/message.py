"""What a webhook is sent, in the form of Standard Webhooks: body, id, secrets, signatures.

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

#: Bytes of a secret. The specification wants 24 to 64.
_SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as its receiver is shown it, and as the libraries of the specification take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, time: datetime, body: bytes, secrets_: Iterable[str]
) -> Mapping[str, str]:
    """The headers that vouch for a body, with a signature by each of the secrets.

    ``time`` is that of this attempt: receivers refuse what is some minutes old, so that nobody can repeat it.
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
    """The body of a message: of what kind, when it happened, and what it happened to."""
    message = {"type": kind, "timestamp": rfc3339(at), "data": data}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def message_id(*facts: str) -> str:
    """The id of the message that tells one webhook of one change: the same whenever the change is read."""
    return f"msg_{hashlib.sha256('/'.join(facts).encode()).hexdigest()[:32]}"
