"""The address to which the store sends its events: who may, and what is no event."""

from collections.abc import Iterator

import httpx
import pytest

from stack.stack import Stack
from tests.events import HOOK_SECRET, minio, notify
from tests.service import Service, running_service

JSON = {"Content-Type": "application/json"}
GOOD = {"Authorization": f"Bearer {HOOK_SECRET}"}
EVENT = minio("another-bucket", "a")


@pytest.fixture(scope="module")
def hooked(stack: Stack) -> Iterator[Service]:
    """A Waybill that takes the store's events."""
    with running_service(stack, s3_hook_secret=HOOK_SECRET) as running:
        yield running


def answers(response: httpx.Response, status: int, code: str) -> None:
    """The response is a problem document of that status and code."""
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_without_a_secret_there_is_no_hook(service: Service) -> None:
    answers(await notify(service, EVENT), 404, "not_found")
    async with service.client(None) as client:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            assert (await client.request(method, "/hooks/s3")).status_code == 404


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {HOOK_SECRET}",
        f"bearer  {HOOK_SECRET}",
        # MinIO sends a token of two words as it is given; its successors every one.
        HOOK_SECRET,
    ],
)
async def test_the_secret_opens_it(hooked: Service, authorization: str) -> None:
    async with hooked.client(None) as client:
        response = await client.post("/hooks/s3", json=EVENT, headers={"Authorization": authorization})
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer wrong",
        f"Bearer {HOOK_SECRET}x".encode(),
        f"Bearer {HOOK_SECRET[:-1]}".encode(),
        f"Basic {HOOK_SECRET}".encode(),
        f"Bearer Bearer {HOOK_SECRET}".encode(),
        f"Bearer {HOOK_SECRET} wrong".encode(),
        b"Bearer \xff\xfe",
    ],
)
async def test_nothing_else_does(hooked: Service, authorization: bytes | None) -> None:
    headers = [(b"Content-Type", b"application/json")]
    if authorization is not None:
        headers.append((b"Authorization", authorization))
    async with hooked.client(None) as client:
        # Said before the body is looked at.
        for body in (b"{", b"x" * 100_000):
            response = await client.post("/hooks/s3", content=body, headers=headers)
            answers(response, 401, "unauthenticated")
            assert response.headers["www-authenticate"] == "Bearer"


async def test_an_owners_token_is_not_the_secret(hooked: Service) -> None:
    async with hooked.client("alice") as client:
        answers(await client.post("/hooks/s3", json=EVENT), 401, "unauthenticated")
        assert (await client.get("/api/v1/files", headers=GOOD)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"Records": null}',
        b'{"Records": [{}]}',
        b'{"Records": [{"eventName": "ObjectCreated:Put"}]}',
        b'{"Event": "s3:Surprise"}',
        b'{"Records": ' + b"[" * 20_000,
    ],
)
async def test_what_is_no_event_is_invalid(hooked: Service, body: bytes) -> None:
    async with hooked.client(None) as client:
        answers(await client.post("/hooks/s3", content=body, headers=GOOD | JSON), 422, "invalid_input")


async def test_a_body_may_not_be_large_or_of_another_type(hooked: Service) -> None:
    async with hooked.client(None) as client:
        large = await client.post("/hooks/s3", content=b" " * 65537, headers=GOOD | JSON)
        answers(large, 413, "request_too_large")
        text = await client.post("/hooks/s3", content=b"{}", headers=GOOD | {"Content-Type": "text/plain"})
        answers(text, 415, "unsupported_media_type")


async def test_it_takes_posts_alone(hooked: Service) -> None:
    async with hooked.client(None) as client:
        answers(await client.get("/hooks/s3", headers=GOOD), 405, "method_not_allowed")
        # MinIO checks so, without its token, whether the server answers.
        assert (await client.head("/hooks/s3")).status_code == 405
