"""Tells schemathesis what a cursor is: no pattern of the document can."""

import base64
import json

import schemathesis
from hypothesis import strategies as st


def _cursor(milliseconds: int, file_id: bytes) -> str:
    key = [milliseconds, file_id.hex()]
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).rstrip(b"=").decode()


# Of any time until the year 9999.
schemathesis.openapi.format(
    "cursor", st.builds(_cursor, st.integers(0, 253_402_300_799_999), st.binary(min_size=12, max_size=12))
)
