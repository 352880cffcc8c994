"""The Authorization header of our own requests against botocore's: the same to the letter."""

from datetime import UTC, datetime
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tests.waybill.platform.test_presign import ENDPOINTS, keys, moments
from waybill.platform.s3.objects import signed_headers
from waybill.platform.signature import Signer


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    method=st.sampled_from(["HEAD", "GET", "DELETE"]),
    key=keys,
    headers=st.sampled_from(
        [{}, {"x-amz-checksum-mode": "ENABLED"}, {"if-match": '"a b"', "range": "bytes=5-"}]
    ),
    now=moments,
)
def test_our_requests_are_signed_like_botocores(
    endpoint: str, method: str, key: str, headers: dict[str, str], now: datetime
) -> None:
    signer = Signer(
        endpoint_url=endpoint,
        bucket="bucket",
        region="eu-central-1",
        access_key="AKIAEXAMPLE",
        secret_key="secret/with+signs",
    )
    path = signer.path(key)
    request = AWSRequest(method, endpoint + path, dict(headers))
    request.context["payload_signing_enabled"] = True
    auth = botocore.auth.S3SigV4Auth(Credentials("AKIAEXAMPLE", "secret/with+signs"), "s3", "eu-central-1")
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=now.replace(tzinfo=None)):
        auth.add_auth(request)
    ours = signed_headers(signer, method, path, headers, now.astimezone(UTC))
    assert ours["authorization"] == request.headers["Authorization"]
