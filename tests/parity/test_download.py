"""Download links."""

import os

import httpx
import pytest

from tests.parity.apis import ApiClient, RestApi
from tests.service import Service
from tests.uploads import stored, uploaded


async def fetch(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url)


async def test_a_link_fetches_the_bytes_under_the_files_name_and_type(api: ApiClient) -> None:
    content = os.urandom(5000)
    file = await stored(api, content, name="photo.png", contentType="image/png")
    link = (await api.download(file["id"])).data
    assert link["method"] == "GET"
    response = await fetch(link["url"])
    assert response.content == content
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"] == 'attachment; filename="photo.png"'


async def test_a_picture_may_be_shown(api: ApiClient) -> None:
    file = await stored(api, os.urandom(10), name="photo.png", contentType="image/png")
    response = await fetch((await api.download(file["id"], "inline")).data["url"])
    assert response.headers["content-disposition"].startswith("inline;")


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "Text/XML; charset=utf-8"])
async def test_what_can_run_scripts_is_always_saved(api: ApiClient, content_type: str) -> None:
    file = await stored(api, os.urandom(10), name="page", contentType=content_type)
    response = await fetch((await api.download(file["id"], "inline")).data["url"])
    assert response.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    "name", ['"; filename=evil.exe; x="', "naïve 文件 🎉.txt", "a;b=c%22d.txt", "'quoted'.txt"]
)
async def test_a_name_cannot_break_out_of_its_header(api: ApiClient, name: str) -> None:
    content = os.urandom(10)
    file = await stored(api, content, name=name)
    response = await fetch((await api.download(file["id"])).data["url"])
    assert response.status_code == 200
    assert response.content == content
    value = response.headers["content-disposition"]
    quoted = value.split('"')
    assert len(quoted) == 3, value
    assert quoted[0] == "attachment; filename="


async def test_only_a_verified_file_can_be_downloaded(api: ApiClient) -> None:
    requested = await api.request(name="a", size=1)
    refused = await api.download(requested.id)
    assert refused.code == "wrong_state"
    assert refused.context["fileStatus"] == "PENDING"


async def test_a_deleted_file_cannot_be_downloaded(api: ApiClient) -> None:
    completed = await uploaded(api, os.urandom(10))
    await api.delete(completed.id)
    assert (await api.download(completed.id)).code == "wrong_state"


async def test_a_head_request_is_led_to_a_url_that_takes_it(service: Service, owner: str) -> None:
    async with service.client(owner) as client, httpx.AsyncClient() as store:
        file = await stored(RestApi(client), b"12345", name="a.txt", contentType="text/plain")
        answer = await client.head(f"/api/v1/files/{file['id']}/download", params={"redirect": "true"})
        head = await store.head(answer.headers["location"])
        assert (answer.status_code, head.status_code) == (307, 200)
        assert head.headers["content-length"] == "5"
