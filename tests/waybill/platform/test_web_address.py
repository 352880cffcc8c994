"""Addresses and origins of settings have one spelling, that of browsers."""

import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from stack.stack import Stack
from waybill.platform.presign import Presigner
from waybill.platform.signature import Signer
from waybill.platform.web_address import normalise_document_url, normalise_endpoint, normalise_origin


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://S3.Example.com", "https://s3.example.com"),
        ("HTTPS://s3.example.com:443/", "https://s3.example.com"),
        ("http://store:80", "http://store"),
        ("http://store:09000/", "http://store:9000"),
        ("http://store:", "http://store"),
        ("https://s3.example.com.", "https://s3.example.com"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("https://例え.jp:9000", "https://xn--r8jz45g.jp:9000"),
        ("http://my_store:9000/s3/", "http://my_store:9000/s3"),
        ("http://[2001:DB8:0::1]:9000", "http://[2001:db8::1]:9000"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    ],
)
def test_an_endpoint_has_one_spelling(given: str, normal: str) -> None:
    assert normalise_endpoint(given) == normal
    assert normalise_endpoint(normal) == normal


@pytest.mark.parametrize(
    "given",
    [
        *("", "store:9000", "ftp://store", "http://", "http:///bucket", "http:store", "//store"),
        *("https://user:pw@store", "https://user@store", "https://@store"),
        *("https://store?x=1", "https://store/?", "https://store#a", "https://store/a?x"),
        *("https://store:0", "https://store:65536", "https://store:a", "https://store:-1", "http://a:b:1"),
        *("https://a b", "https://a\tb", "https://store\n", " https://store", "https://sto*re", "https://-a"),
        *(
            "https://store/a//b",
            "https://store/../b",
            "https://store/%2e",
            "https://store/a b",
            "https://a\\b",
        ),
        *("http://127.1", "http://0x7f.0.0.1", "http://2130706433", "http://1.2.3.256"),
        *("http://[::1", "http://[fe80::1%25eth0]", "http://[::g]", "http://a..b", f"http://{'a' * 64}"),
    ],
)
def test_what_has_no_such_spelling_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|write|has|may)\b") as caught:
        normalise_endpoint(given)
    assert "pw" not in str(caught.value)


def test_the_address_of_a_document_keeps_its_path_and_query() -> None:
    assert normalise_document_url("https://ID.example/Keys/?p=B2C") == "https://id.example/Keys/?p=B2C"
    for given in ("https://user:pw@id.example/keys", "https://id.example/keys#a", "https://id.example/a b"):
        with pytest.raises(ValueError, match="must not"):
            normalise_document_url(given)


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("*", "*"),
        ("https://App.Example.com/", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://localhost:*", "http://localhost:*"),
        ("https://*.Example.com", "https://*.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://*.bücher.example", "https://*.xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("http://[::1]:5173", "http://[::1]:5173"),
    ],
)
def test_an_origin_is_what_browsers_send(given: str, normal: str) -> None:
    assert normalise_origin(given) == normal


@pytest.mark.parametrize(
    "given",
    [
        *("app.example.com", "null", "https://app.example.com/page", "https://app.example.com?x"),
        *("https://user:pw@app.example.com", "https://", "https://app.example.com:99999", "https://a b"),
    ],
)
def test_what_no_browser_sends_is_no_origin(given: str) -> None:
    with pytest.raises(ValueError, match=r"^(write|has)\b"):
        normalise_origin(given)


def test_a_client_that_keeps_the_host_as_it_is_written_can_use_a_signed_url(stack: Stack) -> None:
    addresses = stack.addresses
    port = urlsplit(addresses.s3_endpoint_url).port

    presigner = Presigner(
        Signer(
            endpoint_url=normalise_endpoint(f"http://LocalHost:{port}"),
            bucket="none",
            region="us-east-1",
            access_key=addresses.s3_access_key,
            secret_key=addresses.s3_secret_key,
        )
    )
    signed = presigner.get("none", disposition="a", content_type="a/b", ttl=60)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(signed.url)  # noqa: S310  # the stack's own store
    with caught.value as answer:
        assert answer.code == 404  # the signature is good, and there is no such bucket
