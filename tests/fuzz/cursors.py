"""Give schemathesis valid cursors and addresses, which no pattern of the document describes."""

import base64
import json
from typing import Any

import schemathesis
from hypothesis import strategies as st


def _cursor(*key: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).rstrip(b"=").decode()


#: The format of the cursors of each list, which only these runs know of.
_FORMATS = {
    "listFiles": "cursor",
    "listFolders": "folder-cursor",
    "listWebhookDeliveries": "delivery-cursor",
}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Give cursors a format: no pattern distinguishes a valid cursor from an invented one."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "cursor":
                    parameter["schema"]["format"] = _FORMATS[operation["operationId"]]


# Of any time until the year 9999.
schemathesis.openapi.format(
    "cursor",
    st.builds(
        _cursor,
        st.integers(0, 253_402_300_799_999),
        st.binary(min_size=12, max_size=12).map(bytes.hex),
    ),
)


schemathesis.openapi.format(
    "delivery-cursor",
    st.builds(
        _cursor,
        st.integers(0, 253_402_300_799_999),
        st.binary(min_size=16, max_size=16).map(lambda digest: f"msg_{digest.hex()}"),
    ),
)

schemathesis.openapi.format("folder-cursor", st.just(_cursor("folder", "a/")))

# Addresses that a webhook may have. No host has them, and these runs do not call them.
schemathesis.openapi.format(
    "uri",
    st.from_regex(
        r"https://[a-z]{1,20}\.example(:[1-9][0-9]{0,3})?(/[a-z]{0,9})?(\?[a-z=&]{0,9})?", fullmatch=True
    ),
)


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], _arguments: dict[str, Any]
) -> None:
    """Make such a cursor one of the sort or the folder that is requested, which no document can state."""
    query = case.query or {}
    sort, cursor, folder = query.get("sort"), query.get("cursor"), query.get("folder")
    if cursor == _cursor("folder", "a/") and isinstance(folder, str):
        # A folder has up to 1,024 bytes; nothing is below a longer one.
        del query["cursor"]
        if len(folder) < 250:
            query["cursor"] = _cursor("folder", f"{folder}a/")
    elif isinstance(cursor, str) and sort in ("name", "size"):
        try:
            number, file_id = json.loads(base64.urlsafe_b64decode(cursor + "=="))
        except (ValueError, TypeError):
            return
        query["cursor"] = _cursor(sort, number if sort == "size" else str(number), file_id)
