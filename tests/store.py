"""The store of the tests: SeaweedFS of the embedded stack, or the one that WAYBILL_TEST_S3_* name.

WAYBILL_TEST_S3_ENDPOINT_URL, _ACCESS_KEY and _SECRET_KEY are needed, _REGION, _UPLOAD_ACCESS_KEY and
_UPLOAD_SECRET_KEY are not. The main key must be allowed to make buckets. They stay, so use a store without
data.
"""

import os
import secrets
from collections.abc import Mapping

_PREFIX = "WAYBILL_TEST_S3_"
_UPLOAD_KEY = ("WAYBILL_S3_UPLOAD_ACCESS_KEY", "WAYBILL_S3_UPLOAD_SECRET_KEY")

#: The settings of the named store; empty for the embedded one.
SETTINGS: Mapping[str, str] = {
    f"WAYBILL_S3_{name.removeprefix(_PREFIX)}": value
    for name, value in os.environ.items()
    if name.startswith(_PREFIX)
}
IS_EMBEDDED = not SETTINGS

#: What buckets begin with. A named store has those of earlier runs, too.
BUCKET_PREFIX = "" if IS_EMBEDDED else f"run-{secrets.token_hex(4)}-"


def with_store(env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the settings of the named store in place of the embedded one's."""
    if IS_EMBEDDED:
        return dict(env)
    return {name: value for name, value in env.items() if name not in _UPLOAD_KEY} | dict(SETTINGS)


def addresses() -> dict[str, str]:
    """The fields of ``Addresses`` that the named store has in place of the embedded one's."""
    if IS_EMBEDDED:
        return {}
    endpoint = SETTINGS["WAYBILL_S3_ENDPOINT_URL"]
    return {
        "s3_endpoint_url": endpoint,
        "s3_public_endpoint_url": endpoint,
        "s3_access_key": SETTINGS["WAYBILL_S3_ACCESS_KEY"],
        "s3_secret_key": SETTINGS["WAYBILL_S3_SECRET_KEY"],
    }
