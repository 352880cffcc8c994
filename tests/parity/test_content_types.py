"""A Waybill that takes some types only."""

from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.parity.apis import ApiClient
from tests.service import Service, running_service


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    """Pictures and PDF."""
    with running_service(stack, content_types="image/*, application/pdf") as running:
        yield running


@pytest.mark.parametrize(
    "content_type", ["image/png", "IMAGE/JPEG", "application/pdf", "application/pdf; version=1.7"]
)
async def test_types_of_the_list_are_admitted(api: ApiClient, content_type: str) -> None:
    assert (await api.request(name="a", size=1, contentType=content_type)).code is None


@pytest.mark.parametrize("content_type", ["text/html", "application/octet-stream", "imagery/png", None])
async def test_others_are_refused_and_leave_nothing(api: ApiClient, content_type: str | None) -> None:
    given = {} if content_type is None else {"contentType": content_type}
    refused = await api.request(name="a", size=1, **given)
    assert refused.code == "invalid_input"
    assert "application/pdf" in refused.context["fields"]["contentType"]
    assert (await api.list()).data["items"] == []
