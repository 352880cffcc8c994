"""The control requests of a multipart upload in S3's own words, as libraries and attackers send them."""

import os
from xml.etree.ElementTree import fromstring

import httpx
import pytest

from tests.actors.conftest import multipart_uploads
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import put, settled
from tests.waiting import until

MIB = 1024**2
CONTENT = os.urandom(5 * MIB + 3)


async def requested(rest: RestApi, content: bytes = CONTENT, *, multipart: bool = True) -> str:
    outcome = await rest.request(name="s3.bin", size=len(content), multipart=multipart, partSize=5 * MIB)
    assert outcome.code is None, outcome
    return outcome.id


async def control(rest: RestApi, method: str, file_id: str, query: str, body: str = "") -> httpx.Response:
    return await rest.client.request(method, f"/api/v1/files/{file_id}/s3?{query}", content=body)


async def send_parts(rest: RestApi, file_id: str, *numbers: int) -> None:
    for part in (await rest.request_parts(file_id, numbers)).data["parts"]:
        piece = CONTENT[(part["partNumber"] - 1) * 5 * MIB :][: 5 * MIB]
        assert (await put(part, piece)).status_code == 200


def code(response: httpx.Response) -> str | None:
    # Uppy reads errors of exactly this type.
    assert response.headers["content-type"] == "application/xml"
    assert response.status_code >= 400
    return fromstring(response.text).findtext("Code")  # noqa: S314  # our own


async def test_an_upload_is_made_listed_completed_and_verified(service: Service, owner: str) -> None:
    async with service.client(owner) as client:
        rest = RestApi(client)
        file_id = await requested(rest)
        for _ in range(2):
            created = fromstring((await control(rest, "POST", file_id, "uploads")).text)  # noqa: S314
            assert created.findtext("UploadId") == created.findtext("Key") == file_id
        # However often it is repeated, nothing has begun at the store that could be left behind.
        assert await multipart_uploads(service, file_id) == []
        await send_parts(rest, file_id, 2)
        listed = fromstring((await control(rest, "GET", file_id, f"uploadId={file_id}")).text)  # noqa: S314
        assert [(p.findtext("PartNumber"), p.findtext("Size")) for p in listed.iter("Part")] == [("2", "3")]
        # A client that names only the parts that it has sent gets no shorter object.
        shorter = "<CompleteMultipartUpload><Part><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>"
        early = await control(rest, "POST", file_id, f"uploadId={file_id}", shorter)
        assert (early.status_code, code(early)) == (409, "parts_missing")
        assert (await rest.get(file_id)).data["status"] == "PENDING"
        await send_parts(rest, file_id, 1)
        many = "<Part><PartNumber>1</PartNumber><ETag>0123456789abcdef0123456789abcdef</ETag></Part>" * 10_000
        done = await control(rest, "POST", file_id, f"uploadId={file_id}", many)
        assert done.status_code == 200, done.text
        completed = fromstring(done.text)  # noqa: S314
        assert completed.findtext("Key") == file_id
        assert completed.findtext("Location") == f"/api/v1/files/{file_id}"
        # An abort that comes too late deletes nothing.
        late = await control(rest, "DELETE", file_id, f"uploadId={file_id}")
        assert (late.status_code, code(late)) == (409, "wrong_state")
        assert (await settled(rest, file_id))["status"] == "COMPLETED"
        assert await multipart_uploads(service, file_id) == []


async def test_an_abort_frees_parts_and_quota_at_once_whatever_the_trash(
    embedded: Service, owner: str
) -> None:
    async with embedded.client(owner) as client:
        rest = RestApi(client)
        file_id = await requested(rest)
        await send_parts(rest, file_id, 1)
        assert len(await multipart_uploads(embedded, file_id)) == 1
        for _ in range(2):
            assert (await control(rest, "DELETE", file_id, f"uploadId={file_id}")).status_code == 204

        async def is_free() -> bool:
            return await multipart_uploads(embedded, file_id) == []

        await until(is_free, "the parts are gone")
        assert (await rest.usage()).data["reserved"] == 0
        file = (await rest.get(file_id)).data
        assert (file["status"], file["deletedAt"] is None) == ("PENDING", False)
        assert code(await control(rest, "GET", file_id, f"uploadId={file_id}")) == "wrong_state"
        assert (await rest.request_parts(file_id, [1])).code == "wrong_state"


async def test_nothing_else_is_answered(service: Service, owner: str) -> None:
    async with service.client(owner) as client, service.client("stranger") as other:
        rest, stranger = RestApi(client), RestApi(other)
        file_id, another = await requested(rest), await requested(rest)
        for method, query in (
            *(("POST", query) for query in ("", "uploads=1", "uploads&uploads", "uploads&versionId=1")),
            ("POST", f"uploads&uploadId={file_id}"),
            *((method, f"uploadId={another}") for method in ("GET", "POST", "DELETE")),
            *((method, f"uploadId={file_id}&acl") for method in ("GET", "POST", "DELETE")),
            ("GET", f"uploadId={file_id}&uploadId={file_id}"),
            ("GET", "uploads"),
            ("DELETE", ""),
        ):
            refused = await control(rest, method, file_id, query)
            assert (refused.status_code, code(refused)) == (422, "invalid_input"), (method, query)
        for method, query in (
            ("POST", "uploads"),
            *((method, f"uploadId={file_id}") for method in ("GET", "POST", "DELETE")),
        ):
            refused = await control(stranger, method, file_id, query)
            assert (refused.status_code, code(refused)) == (404, "file_not_found")
        # No file body passes through the API.
        body = await control(rest, "PUT", file_id, f"uploadId={file_id}&partNumber=1", "x")
        assert body.status_code == 405
        long = await control(rest, "POST", file_id, f"uploadId={file_id}", "x" * (MIB + 1))
        assert long.status_code == 413
        assert (await rest.get(file_id)).data["status"] == "PENDING"
        single = await requested(rest, multipart=False)
        assert code(await control(rest, "POST", single, "uploads")) == "wrong_state"
    async with service.client(None) as anonymous:
        refused = await control(RestApi(anonymous), "POST", file_id, "anything")
        assert (refused.status_code, code(refused)) == (401, "unauthenticated")


@pytest.mark.parametrize("winner", ["complete", "abort"])
async def test_of_complete_and_abort_one_wins(service: Service, owner: str, winner: str) -> None:
    async with service.client(owner) as client:
        rest = RestApi(client)
        file_id = await requested(rest)
        await send_parts(rest, file_id, 1, 2)
        first, second = ("POST", "DELETE") if winner == "complete" else ("DELETE", "POST")
        assert (await control(rest, first, file_id, f"uploadId={file_id}")).is_success
        assert code(await control(rest, second, file_id, f"uploadId={file_id}")) == "wrong_state"
        if winner == "complete":
            assert (await settled(rest, file_id))["status"] == "COMPLETED"
