"""A content type that is accepted can be uploaded, spaces and all."""

import pytest

from tests.parity.faces import Face
from tests.uploads import put


@pytest.mark.parametrize("content_type", ["text/plain;  charset=utf-8", 'text/plain; a="b  c"'])
async def test_an_accepted_type_can_be_sent(face: Face, content_type: str) -> None:
    requested = await face.request(name="a", size=1, contentType=content_type)
    assert (await put(requested.data["upload"], b"x")).status_code == 200
