"""Requests for single objects: what they do that a store seldom shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from waybill.platform.s3.errors import StoreRefusal
from waybill.platform.s3.objects import open_objects
from waybill.platform.settings import Settings


@asynccontextmanager
async def listening(*pieces: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Start a server that sends each piece of its response by itself.

    Yields its address, and the requests that have arrived.
    """
    requests: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        for piece in pieces:
            writer.write(piece)
            # Other tasks of this loop, such as the client, read the piece meanwhile.
            for _ in range(100):
                await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", requests


def settings_for(endpoint: str) -> Settings:
    return Settings(
        mongodb_url=SecretStr("mongodb://127.0.0.1"),
        redis_url=SecretStr("redis://127.0.0.1"),
        s3_endpoint_url=endpoint,
        s3_bucket="bucket",
        s3_access_key="key",
        s3_secret_key=SecretStr("secret"),
    )


async def test_an_error_that_arrives_in_pieces() -> None:
    body = b"<Error><Code>AccessDenied</Code></Error>"
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with (
        listening(head + body[:10], body[10:]) as (address, _),
        open_objects(settings_for(f"http://{address}")) as objects,
    ):
        with pytest.raises(StoreRefusal) as refusal:
            async with objects.request("DELETE", "a"):
                pass
    assert (refusal.value.status, refusal.value.code) == (403, "AccessDenied")


async def test_a_proxy_without_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with listening(b"HTTP/1.1 204 No Content\r\n\r\n") as (address, requests):
        monkeypatch.setenv("http_proxy", address)
        async with (
            open_objects(settings_for("http://store.example:9000")) as objects,
            objects.request("DELETE", "a") as response,
        ):
            assert response.status == 204
    assert requests[0].startswith(b"DELETE http://store.example:9000/bucket/a HTTP/1.1\r\n")
