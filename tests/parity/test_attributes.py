"""Folders and metadata: what clients set in an upload-request."""

import os
from typing import Any

import pytest

from tests.parity.apis import ApiClient
from tests.parity.hooks import hooks_of
from tests.receiver import running_receiver
from tests.uploads import stored

GIVEN: dict[str, Any] = {
    "folder": "photos/2026/Grüße/",
    "metadata": {"album": "summer", "x.y-z_1": "= $a {b} \u0000 ü", "empty": ""},
}
KEY = "a-key"


def _attributes(file: Any) -> dict[str, Any]:
    return {name: file[name] for name in ("folder", "metadata")}


async def test_attributes_are_shown_as_they_were_given(api: ApiClient) -> None:
    requested = await api.request(name="a", size=1, **GIVEN)
    assert _attributes(requested.data["file"]) == GIVEN
    assert _attributes((await api.get(requested.id)).data) == GIVEN
    [listed] = (await api.list()).data["items"]
    assert _attributes(listed) == GIVEN


@pytest.mark.parametrize("given", [{}, {"folder": None, "metadata": None}, {"folder": "", "metadata": {}}])
async def test_a_file_has_none_unless_they_are_given(api: ApiClient, given: dict[str, Any]) -> None:
    requested = await api.request(name="a", size=1, **given)
    assert _attributes(requested.data["file"]) == {"folder": "", "metadata": {}}
    assert _attributes((await api.get(requested.id)).data) == {"folder": "", "metadata": {}}


async def test_each_upload_of_a_batch_has_its_own(api: ApiClient) -> None:
    wrong = {"name": "b", "size": 1, "folder": "/"}
    outcomes = (await api.request_many([{"name": "a", "size": 1, **GIVEN}, wrong])).data["results"]
    assert _attributes(outcomes[0]["file"]) == GIVEN
    assert outcomes[1]["error"]["code"] == "invalid_input"


async def test_a_webhook_carries_them(api: ApiClient) -> None:
    hooks = hooks_of(api)
    async with running_receiver() as receiver:
        webhook = (await hooks.create(receiver.url, events=["file.completed"])).data["webhook"]
        await stored(api, os.urandom(100), **GIVEN)
        [message] = await receiver.received(1)
        assert _attributes(message.content["data"]) == GIVEN
        await hooks.delete(webhook["id"])


@pytest.mark.parametrize(
    "folder",
    [
        "a",
        "/",
        "/a/",
        "a//b/",
        "./",
        "a/../",
        "a/\u0000/",
        "a/\u2028/",
        "a/\u202e/",
        "a\\b/",
        " /",
        f"{'ü' * 512}/",
        1,
    ],
)
async def test_a_wrong_folder_is_refused(api: ApiClient, folder: Any) -> None:
    refused = await api.request(name="a", size=1, folder=folder)
    assert refused.code == "invalid_input"


async def test_a_folder_may_have_1024_bytes(api: ApiClient) -> None:
    folder = f"{'ü' * 511}a/"
    assert (await api.request(name="a", size=1, folder=folder)).data["file"]["folder"] == folder


@pytest.mark.parametrize(
    "metadata",
    [
        {"": "a"},
        {"A": "a"},
        {"1a": "a"},
        {"a b": "a"},
        {"a\n": "a"},
        {"a" * 65: "a"},
        {"a": "a" * 513},
        {f"a{number}": "" for number in range(25)},
        {f"a{number}": "ü" * 256 for number in range(16)},
        {"a": 1},
        {"a": None},
    ],
)
async def test_wrong_metadata_is_refused(api: ApiClient, metadata: dict[str, Any]) -> None:
    refused = await api.request(name="a", size=1, metadata=metadata)
    assert refused.code == "invalid_input"
    assert "metadata" in refused.message


async def test_metadata_may_have_24_pairs_and_8_kib(api: ApiClient) -> None:
    metadata = {f"k{number:02}": "x" * 338 for number in range(24)}
    metadata["k00"] += "x" * (8192 - sum(len(key + value) for key, value in metadata.items()))
    requested = await api.request(name="a", size=1, metadata=metadata)
    assert requested.data["file"]["metadata"] == metadata
    one = {"a" * 64: "ü" * 512}
    assert (await api.request(name="a", size=1, metadata=one)).data["file"]["metadata"] == one


@pytest.mark.parametrize("other", [{"folder": "b/"}, {"folder": ""}, {"metadata": {"a": "1"}}])
async def test_a_repeat_with_other_attributes_is_another_announcement(
    api: ApiClient, other: dict[str, Any]
) -> None:
    upload_request = {"name": "a", "size": 1, "folder": "a/", "metadata": {"b": "1", "a": "1"}}
    first = await api.request(KEY, **upload_request)
    again = await api.request(KEY, **upload_request | {"metadata": {"a": "1", "b": "1"}})
    assert again.id == first.id
    assert (await api.request(KEY, **upload_request | other)).code == "idempotency_conflict"
