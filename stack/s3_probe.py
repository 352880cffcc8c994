"""One signed request to the S3 server, to check that it answers and accepts the stack's keys."""

import datetime
import hashlib
import hmac
import http.client

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def list_buckets_status(address: str, port: int, region: str, access_key: str, secret_key: str) -> int:
    """Return the HTTP status of ListBuckets, signed with SigV4: 200 if the server accepts the keys.

    Raises OSError or http.client.HTTPException if no server answers.
    """
    host = f"{address}:{port}"
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    signed_names = "host;x-amz-content-sha256;x-amz-date"
    headers = f"host:{host}\nx-amz-content-sha256:{EMPTY_SHA256}\nx-amz-date:{now}\n"
    canonical = f"GET\n/\n\n{headers}\n{signed_names}\n{EMPTY_SHA256}"
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    connection = http.client.HTTPConnection(address, port, timeout=2)
    try:
        connection.request(
            "GET",
            "/",
            headers={
                "Host": host,
                "X-Amz-Content-Sha256": EMPTY_SHA256,
                "X-Amz-Date": now,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
                f"SignedHeaders={signed_names}, Signature={signature}",
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()
