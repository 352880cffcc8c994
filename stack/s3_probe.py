"""One signed request to the S3 server: does it answer, and with our keys?"""

import datetime
import hashlib
import hmac
import http.client

NOTHING = hashlib.sha256(b"").hexdigest()


def list_buckets_status(address: str, port: int, region: str, access_key: str, secret_key: str) -> int:
    """The HTTP status of ListBuckets, signed with SigV4: 200 where the keys are this server's.

    Raises OSError or http.client.HTTPException where nothing answers.
    """
    host = f"{address}:{port}"
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    signed_names = "host;x-amz-content-sha256;x-amz-date"
    headers = f"host:{host}\nx-amz-content-sha256:{NOTHING}\nx-amz-date:{now}\n"
    canonical = f"GET\n/\n\n{headers}\n{signed_names}\n{NOTHING}"
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
                "X-Amz-Content-Sha256": NOTHING,
                "X-Amz-Date": now,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
                f"SignedHeaders={signed_names}, Signature={signature}",
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()
