"""URLs that do not expire in the middle."""

import os

from tests.parity.faces import Face
from tests.uploads import put, settled, stored


async def test_a_pending_file_gets_a_new_url(face: Face) -> None:
    content = os.urandom(100)
    requested = await face.request(name="a", size=len(content))
    refreshed = await face.refresh(requested.id)
    assert refreshed.data["file"] == requested.data["file"]
    assert refreshed.data["upload"]["headers"] == requested.data["upload"]["headers"]
    assert refreshed.data["upload"]["expiresAt"] >= requested.data["upload"]["expiresAt"]
    assert (await put(refreshed.data["upload"], content)).status_code == 200
    # Both fill the same key, once.
    assert (await put(requested.data["upload"], content)).status_code == 412
    assert (await face.complete(requested.id)).code is None
    assert (await settled(face, requested.id))["status"] == "COMPLETED"


async def test_a_plan_of_parts_gets_more_time(face: Face) -> None:
    requested = await face.request(name="a", size=100, multipart=True)
    refreshed = await face.refresh(requested.id)
    assert refreshed.data["upload"] is None
    assert refreshed.data["multipart"]["partCount"] == 1
    assert refreshed.data["multipart"]["expiresAt"] > requested.data["multipart"]["expiresAt"]


async def test_what_is_over_is_not_refreshed(face: Face) -> None:
    file = await stored(face, os.urandom(100))
    assert (await face.refresh(file["id"])).code == "wrong_state"
    pending = await face.request(name="a", size=1)
    await face.delete(pending.id)
    assert (await face.refresh(pending.id)).code == "wrong_state"
    assert (await face.refresh("0" * 24)).code == "file_not_found"
