"""What a webhook is sent, in the form of Standard Webhooks."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from waybill.times import rfc3339


def message_body(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body of a message: of what kind, when it happened, and what it happened to."""
    message = {"type": kind, "timestamp": rfc3339(at), "data": data}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def message_id(*facts: str) -> str:
    """The id of the message that tells one webhook of one change: the same whenever the change is read."""
    return f"msg_{hashlib.sha256('/'.join(facts).encode()).hexdigest()[:32]}"
