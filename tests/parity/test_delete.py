"""Delete, and what follows."""

import os

import httpx

from tests.parity.apis import ApiClient
from tests.uploads import purged, put, stored, until, uploaded


async def test_a_deleted_file_leaves_the_bucket_and_keeps_its_record(api: ApiClient) -> None:
    file = await stored(api, os.urandom(1000))
    url = (await api.download(file["id"])).data["url"]
    deleted = (await api.delete(file["id"])).data
    assert deleted["deletedAt"] is not None

    record = await purged(api, file["id"], seconds=5)
    assert record["deletedAt"] == deleted["deletedAt"]
    assert record["status"] == "COMPLETED"
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 404


async def test_a_repeat_answers_the_same(api: ApiClient) -> None:
    requested = await api.request(name="a", size=1)
    first = (await api.delete(requested.id)).data
    again = (await api.delete(requested.id)).data
    assert again["deletedAt"] == first["deletedAt"]


async def test_a_pending_file_can_be_deleted_and_is_not_completed_afterwards(api: ApiClient) -> None:
    requested = await api.request(name="a", size=5)
    await api.delete(requested.id)
    assert (await put(requested.data["upload"], b"hello")).status_code in {200, 412}
    assert (await api.complete(requested.id)).code == "wrong_state"


async def test_a_file_deleted_right_after_complete_is_purged(api: ApiClient) -> None:
    completed = await uploaded(api, os.urandom(1000))
    await api.delete(completed.id)
    file = await until(api, completed.id, lambda file: file["purgedAt"] is not None)
    assert file["status"] in {"PROCESSING", "COMPLETED"}


async def test_without_a_delay_there_is_no_way_back(api: ApiClient) -> None:
    file = await stored(api, os.urandom(1000))
    await api.delete(file["id"])
    await purged(api, file["id"])
    assert (await api.restore(file["id"])).code == "wrong_state"
