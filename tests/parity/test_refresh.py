"""URLs that do not expire in the middle."""

import os

from tests.parity.apis import ApiClient
from tests.uploads import put, settled, stored


async def test_a_pending_file_gets_a_new_url(api: ApiClient) -> None:
    content = os.urandom(100)
    requested = await api.request(name="a", size=len(content))
    refreshed = await api.refresh(requested.id)
    assert refreshed.data["file"] == requested.data["file"]
    assert refreshed.data["upload"]["headers"] == requested.data["upload"]["headers"]
    assert refreshed.data["upload"]["expiresAt"] >= requested.data["upload"]["expiresAt"]
    assert (await put(refreshed.data["upload"], content)).status_code == 200
    # Both fill the same key, once.
    assert (await put(requested.data["upload"], content)).status_code == 412
    assert (await api.complete(requested.id)).code is None
    assert (await settled(api, requested.id))["status"] == "COMPLETED"


async def test_a_plan_of_parts_gets_more_time(api: ApiClient) -> None:
    requested = await api.request(name="a", size=100, multipart=True)
    refreshed = await api.refresh(requested.id)
    assert refreshed.data["upload"] is None
    assert refreshed.data["multipart"]["partCount"] == 1
    assert refreshed.data["multipart"]["expiresAt"] > requested.data["multipart"]["expiresAt"]


async def test_what_is_over_is_not_refreshed(api: ApiClient) -> None:
    file = await stored(api, os.urandom(100))
    assert (await api.refresh(file["id"])).code == "wrong_state"
    pending = await api.request(name="a", size=1)
    await api.delete(pending.id)
    assert (await api.refresh(pending.id)).code == "wrong_state"
    assert (await api.refresh("0" * 24)).code == "file_not_found"
