"""Updates over REST: ETags and media types."""

import httpx


async def _requested(client: httpx.AsyncClient) -> str:
    answer = await client.post("/api/v1/files/upload-request", json={"name": "a", "size": 1})
    return f"/api/v1/files/{answer.json()['file']['id']}"


async def test_an_etag_comes_with_a_file_and_its_update(client: httpx.AsyncClient) -> None:
    path = await _requested(client)
    before = (await client.get(path)).headers["etag"]
    patched = await client.patch(path, json={"name": "b"})
    assert patched.headers["etag"] != before
    assert (await client.get(path)).headers["etag"] == patched.headers["etag"]
    assert (await client.head(path)).headers["etag"] == patched.headers["etag"]
    refused = await client.patch(path, json={"name": "c"}, headers={"If-Match": before})
    assert refused.status_code == 412


async def test_a_patch_of_another_format_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json-patch+json"}
    refused = await client.patch(await _requested(client), content=b"[]", headers=headers)
    assert refused.status_code == 415
    assert refused.headers["accept-patch"] == "application/merge-patch+json, application/json"
