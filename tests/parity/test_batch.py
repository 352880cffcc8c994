"""Several operations in one call."""

import os

from tests.parity.apis import ApiClient
from tests.uploads import purged, put
from tests.waiting import until


async def test_many_files_go_their_way_in_three_calls(api: ApiClient) -> None:
    contents = [os.urandom(100) for _ in range(100)]
    items = [{"name": f"{number}.bin", "size": 100} for number in range(100)]
    results = (await api.request_many(items)).data["results"]
    assert [result["file"]["name"] for result in results] == [item["name"] for item in items]
    for result, content in zip(results, contents, strict=True):
        assert (await put(result["upload"], content)).status_code == 200
    ids = [result["file"]["id"] for result in results]
    completed = (await api.complete_many(ids)).data["results"]
    assert [result["id"] for result in completed] == ids
    assert all(result["error"] is None for result in completed)

    async def all_are_completed() -> bool:
        files = (await api.list(limit=100, status=["COMPLETED"])).data["items"]
        return {file["id"] for file in files} == set(ids)

    await until(all_are_completed, "all files are completed")
    deleted = (await api.delete_many(ids)).data["results"]
    assert all(result["file"]["deletedAt"] for result in deleted)
    # One after the other: while one is waited for, the others are purged too.
    for file_id in ids:
        await purged(api, file_id)


async def test_each_item_has_an_outcome_of_its_own(api: ApiClient) -> None:
    good, blank, huge = {"name": "a", "size": 1}, {"name": " ", "size": 1}, {"name": "a", "size": 10**15}
    results = (await api.request_many([good, blank, huge, good])).data["results"]
    codes = [result["error"] and result["error"]["code"] for result in results]
    assert codes == [None, "invalid_input", "file_too_large", None]
    ids = [results[0]["file"]["id"], "nonsense", results[3]["file"]["id"]]
    assert (await put(results[0]["upload"], b"x")).status_code == 200
    completed = (await api.complete_many(ids)).data["results"]
    codes = [result["error"] and result["error"]["code"] for result in completed]
    assert codes == [None, "file_not_found", "object_missing"]
    deleted = (await api.delete_many(ids)).data["results"]
    assert [result["file"] is not None for result in deleted] == [True, False, True]


async def test_another_owners_files_are_not_there(api: ApiClient, stranger: ApiClient) -> None:
    file_id = (await api.request(name="a", size=1)).id
    for answer in (await stranger.complete_many([file_id]), await stranger.delete_many([file_id])):
        assert answer.data["results"][0]["error"]["code"] == "file_not_found"
    assert (await api.get(file_id)).data["deletedAt"] is None


async def test_a_batch_that_is_repeated_makes_nothing_new(api: ApiClient) -> None:
    items = [{"name": "a", "size": 1}, {"name": "a", "size": 1}]
    first, again = [(await api.request_many(items, "key")).data["results"] for _ in range(2)]
    assert [result["file"]["id"] for result in first] == [result["file"]["id"] for result in again]
    assert len((await api.list()).data["items"]) == 2


async def test_none_and_too_many_are_refused(api: ApiClient) -> None:
    item = {"name": "a", "size": 1}
    for items in ([], [item] * 101):
        assert (await api.request_many(items)).code == "invalid_input"
    for ids in ([], ["x"] * 101):
        assert (await api.complete_many(ids)).code == "invalid_input"
        assert (await api.delete_many(ids)).code == "invalid_input"
    assert (await api.request_many([item], "")).code == "invalid_input"
