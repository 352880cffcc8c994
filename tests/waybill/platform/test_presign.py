"""Our presigned URLs against botocore's: the same to the letter."""

from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any, Self
from unittest import mock

import botocore.auth
import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from waybill.platform import presign
from waybill.platform.presign import Presigner
from waybill.platform.signature import Signer

ENDPOINTS = [
    "http://127.0.0.1:9000",
    "https://s3.example.com",
    "https://s3.example.com:443",
    "http://s3.example.com:80",
    "http://[::1]:9000",
]
# What a content type, a file name and a key may be made of once they are checked.
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40).map(
    lambda text: text.strip() or "x"
)
keys = st.text(st.sampled_from("abcXYZ019-_.~/ +&=%é文"), min_size=1, max_size=40).filter(
    lambda key: not key.startswith("/") and "//" not in key and not set(key.split("/")) & {".", ".."}
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2039, 1, 1)).map(  # noqa: DTZ001  # made aware below
    lambda time: time.replace(microsecond=0, tzinfo=UTC)
)


@cache
def botocore_client(endpoint: str) -> Any:
    return botocore.session.Session().create_client(
        "s3",
        region_name="eu-central-1",
        endpoint_url=endpoint,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret/with+signs",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
        ),
    )


def botocore_url(endpoint: str, method: str, parameters: dict[str, Any], ttl: int, now: datetime) -> str:
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=now.replace(tzinfo=None)):
        url: str = botocore_client(endpoint).generate_presigned_url(
            method, Params={"Bucket": "bucket", **parameters}, ExpiresIn=ttl
        )
    return url


class Clock(datetime):
    """A clock that stands still."""

    moment: datetime

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(cls.moment.timestamp(), tz)


def our_presigner(endpoint: str) -> Presigner:
    return Presigner(
        Signer(
            endpoint_url=endpoint,
            bucket="bucket",
            region="eu-central-1",
            access_key="AKIAEXAMPLE",
            secret_key="secret/with+signs",
        )
    )


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presign, "datetime", Clock)


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    key=keys,
    size=st.integers(0, 5 * 1024**3),
    content_type=printable,
    digest=st.none() | st.binary(min_size=32, max_size=32),
    ttl=st.integers(1, 604800),
    now=moments,
)
def test_a_put_is_botocores(
    *, endpoint: str, key: str, size: int, content_type: str, digest: bytes | None, ttl: int, now: datetime
) -> None:
    Clock.moment = now
    sha256 = digest.hex() if digest is not None else None
    ours = our_presigner(endpoint).put(key, size=size, content_type=content_type, sha256=sha256, ttl=ttl)
    parameters: dict[str, Any] = {
        "Key": key,
        "ContentLength": size,
        "ContentType": content_type,
        "IfNoneMatch": "*",
    }
    if digest is not None:
        parameters["ChecksumSHA256"] = ours.headers["x-amz-checksum-sha256"]
    assert ours.url == botocore_url(endpoint, "put_object", parameters, ttl, now)


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    key=keys,
    upload_id=printable,
    number=st.integers(1, 10_000),
    size=st.integers(0, 5 * 1024**3),
    digest=st.none() | st.binary(min_size=32, max_size=32),
    now=moments,
)
def test_a_part_is_botocores(
    *, endpoint: str, key: str, upload_id: str, number: int, size: int, digest: bytes | None, now: datetime
) -> None:
    Clock.moment = now
    sha256 = digest.hex() if digest is not None else None
    ours = our_presigner(endpoint).part(key, upload_id, number, size=size, sha256=sha256, ttl=60)
    parameters: dict[str, Any] = {
        "Key": key,
        "UploadId": upload_id,
        "PartNumber": number,
        "ContentLength": size,
    }
    if digest is not None:
        parameters["ChecksumSHA256"] = ours.headers["x-amz-checksum-sha256"]
    assert ours.url == botocore_url(endpoint, "upload_part", parameters, 60, now)


@given(
    endpoint=st.sampled_from(ENDPOINTS), key=keys, disposition=printable, content_type=printable, now=moments
)
def test_a_get_is_botocores(
    endpoint: str, key: str, disposition: str, content_type: str, now: datetime
) -> None:
    Clock.moment = now
    ours = our_presigner(endpoint).get(key, disposition=disposition, content_type=content_type, ttl=60)
    parameters = {
        "Key": key,
        "ResponseContentDisposition": disposition,
        "ResponseContentType": content_type,
        "ResponseContentEncoding": "identity",
        "ResponseCacheControl": "private, max-age=60, no-transform",
    }
    assert ours.url == botocore_url(endpoint, "get_object", parameters, 60, now)


def test_uploads_are_signed_with_their_own_key() -> None:
    Clock.moment = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    main, upload = (
        Signer(endpoint_url=ENDPOINTS[0], bucket="b", region="r", access_key=key, secret_key=f"{key}-secret")
        for key in ("main", "upload")
    )

    def signed(presigner: Presigner) -> list[str]:
        put = presigner.put("k", size=1, content_type="a/b", sha256=None, ttl=60)
        part = presigner.part("k", "u", 1, size=1, sha256=None, ttl=60)
        gets = [
            presigner.get("k", disposition="a", content_type="a/b", ttl=60, is_head=is_head)
            for is_head in (False, True)
        ]
        return [request.url for request in (put, part, *gets)]

    both, of_main, of_upload = (
        signed(Presigner(main, upload)),
        signed(Presigner(main)),
        signed(Presigner(upload)),
    )
    assert both == [*of_upload[:2], *of_main[2:]]
    assert not {*of_upload} & {*of_main}


def test_the_expiry_is_the_signatures() -> None:
    Clock.moment = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    ours = our_presigner(ENDPOINTS[0]).get("key", disposition="attachment", content_type="a/b", ttl=300)
    assert ours.expires_at == datetime(2026, 1, 1, 12, 5, 0, tzinfo=UTC)
