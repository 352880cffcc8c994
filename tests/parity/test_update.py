"""Updates of what a client has said of a file."""

import asyncio
import os
from typing import Any

import pytest

from tests.parity.apis import ApiClient
from tests.parity.hooks import hooks_of
from tests.parity.test_download import fetch
from tests.receiver import running_receiver
from tests.uploads import stored

CHANGES: dict[str, Any] = {
    "name": "$new.txt",
    "contentType": "text/plain; charset=utf-8",
    "folder": "texts/",
    "metadata": {"a": "$1", "b": "2"},
}
GIVEN: dict[str, Any] = {"folder": "a/", "metadata": {"a": "1", "b": "2"}, "contentType": "image/png"}


async def test_an_update_changes_what_is_given_and_downloads_follow(api: ApiClient) -> None:
    content = os.urandom(100)
    file = await stored(api, content)
    updated = await api.update(file["id"], **CHANGES)
    assert updated.data == file | CHANGES
    assert (await api.get(file["id"])).data == updated.data
    url = (await api.download(file["id"])).data["url"]
    response = await fetch(url)
    assert response.content == content
    assert response.headers["content-type"] == CHANGES["contentType"]
    assert CHANGES["name"] in response.headers["content-disposition"]


async def test_what_is_not_given_stays(api: ApiClient) -> None:
    file = (await api.request(name="a", size=1, **GIVEN)).data["file"]
    assert (await api.update(file["id"])).data == file
    assert (await api.update(file["id"], name="b")).data == file | {"name": "b"}


async def test_null_removes(api: ApiClient) -> None:
    file = (await api.request(name="a", size=1, **GIVEN)).data["file"]
    metadata = {"a": None, "c": "3", "none": None}
    changes: dict[str, Any] = {"folder": None, "contentType": None, "metadata": metadata}
    removed = {"folder": "", "contentType": "application/octet-stream", "metadata": {"b": "2", "c": "3"}}
    assert (await api.update(file["id"], **changes)).data == file | removed
    assert (await api.update(file["id"], metadata=None)).data == file | removed | {"metadata": {}}
    assert (await api.update(file["id"], metadata={})).data == file | removed | {"metadata": {}}


async def test_usage_by_type_follows_the_content_type(api: ApiClient) -> None:
    file = await stored(api, os.urandom(100), contentType="image/png")
    await api.update(file["id"], contentType="text/plain")
    assert [each["type"] for each in (await api.usage_history()).data["types"]] == ["text"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": "a/b"},
        {"name": ""},
        {"contentType": "text"},
        {"folder": "a"},
        {"metadata": {"A": "1"}},
        {"metadata": {"a": "1" * 513}},
        {"metadata": {f"k{number}": "1" for number in range(23)}},
        {"size": 2},
    ],
)
async def test_a_wrong_update_is_refused_whole(api: ApiClient, changes: dict[str, Any]) -> None:
    file = (await api.request(name="a", size=1, **GIVEN)).data["file"]
    refused = await api.update(file["id"], **{"name": "b"} | changes)
    assert refused.code in {"invalid_input", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}
    assert (await api.get(file["id"])).data == file


async def test_the_files_of_others_and_deleted_files_are_not_updated(
    api: ApiClient, stranger: ApiClient
) -> None:
    file = (await api.request(name="a", size=1)).data["file"]
    assert (await stranger.update(file["id"], name="b")).code == "file_not_found"
    await api.delete(file["id"])
    assert (await api.update(file["id"], if_match='"other"', name="b")).code == "wrong_state"


async def test_an_etag_holds_until_the_file_changes(api: ApiClient) -> None:
    file_id = (await api.request(name="a", size=1)).id
    etag = await api.etag(file_id)
    assert await api.etag(file_id) == etag
    assert (await api.update(file_id, if_match=f'"other", {etag}', name="b")).code is None
    for stale in (etag, f"W/{await api.etag(file_id)}", "", "b"):
        refused = await api.update(file_id, if_match=stale, name="c")
        assert refused.code == "precondition_failed", stale
    assert (await api.update(file_id, if_match="*", name="c")).data["name"] == "c"


async def test_of_parallel_updates_with_one_etag_one_is_made(api: ApiClient) -> None:
    file_id = (await api.request(name="a", size=1)).id
    etag = await api.etag(file_id)
    answers = await asyncio.gather(*(api.update(file_id, etag, name=f"b{n}") for n in range(10)))
    assert sorted(str(answer.code) for answer in answers) == ["None"] + ["precondition_failed"] * 9


async def test_parallel_updates_of_metadata_lose_nothing(api: ApiClient) -> None:
    file_id = (await api.request(name="a", size=1)).id
    keys = {f"k{number}": str(number) for number in range(10)}
    await asyncio.gather(*(api.update(file_id, metadata={key: keys[key]}) for key in keys))
    assert (await api.get(file_id)).data["metadata"] == keys


async def test_an_update_is_an_event(api: ApiClient) -> None:
    hooks = hooks_of(api)
    async with running_receiver() as receiver:
        webhook = (await hooks.create(receiver.url, events=["file.updated"])).data["webhook"]
        file = await stored(api, os.urandom(100))
        await api.update(file["id"], name=file["name"])
        updated = await api.update(file["id"], **CHANGES)
        [message] = await receiver.received(1)
        assert message.content["data"] == updated.data
        await hooks.delete(webhook["id"])
