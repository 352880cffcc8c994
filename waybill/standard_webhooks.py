"""Secrets and signatures of Standard Webhooks.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime

_PREFIX = "whsec_"

#: Bytes of a secret. The specification wants 24 to 64.
_LENGTH = 32


def new_secret() -> str:
    """A secret as its receiver is shown it, and as the libraries of the specification take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_LENGTH)).decode()


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
