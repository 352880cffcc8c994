"""A content type that is accepted can be uploaded, spaces and all."""

import pytest

from tests.parity.apis import ApiClient
from tests.uploads import put


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain;  charset=utf-8",
        'text/plain; a="b  c"',
        'text/plain; a="b\\"c"',
        "text/plain;\ta=b",
        "text/plain;",
        "",
    ],
)
async def test_an_accepted_type_can_be_sent(api: ApiClient, content_type: str) -> None:
    requested = await api.request(name="a", size=1, contentType=content_type)
    assert (await put(requested.data["upload"], b"x")).status_code == 200


@pytest.mark.parametrize(
    ("given", "normal_form"),
    [
        ("", "application/octet-stream"),
        ("text/plain;", "text/plain"),
        ("text/plain\t; charset=utf-8;;", "text/plain; charset=utf-8"),
        ('text/plain ;a="b;\\"c"', 'text/plain; a="b;\\"c"'),
    ],
)
async def test_a_type_is_stored_in_one_form(api: ApiClient, given: str, normal_form: str) -> None:
    requested = await api.request(name="a", size=1, contentType=given)
    assert requested.data["file"]["contentType"] == normal_form
