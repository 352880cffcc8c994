"""Files that are sent in parts."""

import asyncio
import hashlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.actors.conftest import multipart_uploads, open_bucket
from tests.parity.apis import ApiClient
from tests.service import Service
from tests.uploads import purged, put, settled

MIB = 1024**2
#: The least that the store takes. A default part is three times as much to send, store and hash in each test.
PART = 5 * MIB

#: Two whole parts and the rest.
CONTENT = os.urandom(2 * PART + 1000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
async def retrying_api(api_class: type[ApiClient], service: Service, owner: str) -> AsyncIterator[ApiClient]:
    """The API of this run, with repeats after a 503: SeaweedFS fails to list parts after an abort."""
    async with service.client(owner, retries_503=True) as client:
        yield api_class(client)


def piece(number: int) -> bytes:
    return CONTENT[(number - 1) * PART : number * PART]


def sha256_of(*numbers: int) -> dict[str, str]:
    return {str(number): hashlib.sha256(piece(number)).hexdigest() for number in numbers}


async def requested(api: ApiClient, **fields: Any) -> str:
    outcome = await api.request(name="large.bin", size=len(CONTENT), multipart=True, partSize=PART, **fields)
    assert outcome.code is None, outcome
    assert outcome.data["upload"] is None
    assert outcome.data["multipart"]["partSize"] == PART
    assert outcome.data["multipart"]["partCount"] == 3
    return outcome.id


async def send(api: ApiClient, file_id: str, *numbers: int, **fields: Any) -> None:
    signed = await api.request_parts(file_id, list(numbers), **fields)
    assert signed.code is None, signed
    assert [part["partNumber"] for part in signed.data["parts"]] == list(numbers)
    assert [part["contentLength"] for part in signed.data["parts"]] == [len(piece(n)) for n in numbers]
    for part in signed.data["parts"]:
        response = await put(part, piece(part["partNumber"]))
        assert response.status_code == 200, response.text


@pytest.mark.parametrize("with_sha256", [False, True])
async def test_a_file_arrives_in_parts(api: ApiClient, with_sha256: bool) -> None:
    file_id = await requested(api)
    for number in (3, 1, 2):
        checksums = {"sha256": sha256_of(number)} if with_sha256 else {}
        await send(api, file_id, number, **checksums)
    assert (await api.complete(file_id)).data["status"] == "PROCESSING"
    file = await settled(api, file_id)
    assert (file["status"], file["sha256"]) == ("COMPLETED", SHA256)
    assert (await put((await api.download(file_id)).data | {"headers": {}}, b"")).content == CONTENT


async def test_a_client_that_lost_everything_but_the_id_goes_on(api: ApiClient) -> None:
    file_id = await requested(api)
    nothing = await api.parts(file_id)
    assert (nothing.data["parts"], nothing.data["partCount"], nothing.data["partSize"]) == ([], 3, PART)
    await send(api, file_id, 2)
    held = (await api.parts(file_id)).data["parts"]
    assert [(part["partNumber"], part["size"]) for part in held] == [(2, PART)]
    assert held[0]["etag"] == f'"{hashlib.md5(piece(2)).hexdigest()}"'  # noqa: S324  # S3's own
    refused = await api.complete(file_id)
    assert (refused.code, refused.context["missing"]) == ("parts_missing", [1, 3])
    assert (await api.get(file_id)).data["status"] == "PENDING"
    await send(api, file_id, 1, 3)
    assert (await api.complete(file_id)).code is None
    assert (await settled(api, file_id))["sha256"] == SHA256


async def test_nothing_has_arrived_before_the_first_part_was_asked_for(api: ApiClient) -> None:
    refused = await api.complete(await requested(api))
    assert (refused.code, refused.context["missing"]) == ("parts_missing", [1, 2, 3])


async def test_the_store_refuses_a_part_of_another_length_or_content(api: ApiClient) -> None:
    file_id = await requested(api)
    parts = (await api.request_parts(file_id, [1, 3], sha256=sha256_of(1, 3))).data["parts"]
    assert (await put(parts[0], os.urandom(PART))).status_code == 400
    assert (await put(parts[1], b"x")).status_code == 403
    assert (await api.parts(file_id)).data["parts"] == []


async def test_checksums_are_for_all_parts_or_none(api: ApiClient) -> None:
    file_id = await requested(api)
    assert (await api.request_parts(file_id, [1, 2], sha256=sha256_of(1))).code == "invalid_input"
    await send(api, file_id, 1, sha256=sha256_of(1))
    assert (await api.request_parts(file_id, [2])).code == "invalid_input"
    assert (await api.request_parts(file_id, [1], sha256={"1": "0" * 64})).code == "invalid_input"


@pytest.mark.parametrize("numbers", [[], [0], [4], [-1], [1, 1], [10_001], list(range(1, 102))])
async def test_parts_that_are_not_there_are_refused(api: ApiClient, numbers: list[int]) -> None:
    refused = await api.request_parts(await requested(api), numbers)
    assert (refused.code, next(iter(refused.context["fields"])).partition(".")[0]) == (
        "invalid_input",
        "partNumbers",
    )


async def test_a_part_may_be_sent_again(api: ApiClient) -> None:
    file_id = await requested(api)
    await send(api, file_id, 1, 2, 3)
    signed = (await api.request_parts(file_id, [1])).data["parts"][0]
    assert (await put(signed, bytes(PART))).status_code == 200
    # SeaweedFS keeps both, and its times have a resolution of a second.
    await asyncio.sleep(1 - time.time() % 1)
    await send(api, file_id, 1)
    assert (await api.complete(file_id)).code is None
    assert (await settled(api, file_id))["sha256"] == SHA256


async def test_at_once_parts_are_asked_for_and_completed_with_one_effect(
    api: ApiClient, service: Service
) -> None:
    file_id = await requested(api)
    signed = await asyncio.gather(*(api.request_parts(file_id, [number]) for number in (1, 2, 3) * 3))
    uploads = {answer.data["parts"][0]["url"].split("uploadId=")[1].split("&")[0] for answer in signed}
    assert len(uploads) == 1
    await asyncio.gather(
        *(
            put(answer.data["parts"][0], piece(number))
            for answer, number in zip(signed, (1, 2, 3) * 3, strict=True)
        )
    )
    answers = await asyncio.gather(*(api.complete(file_id) for _ in range(10)))
    assert Counter(answer.code for answer in answers) == {None: 10}
    assert (await settled(api, file_id))["sha256"] == SHA256
    assert await multipart_uploads(service, file_id) == []


async def test_a_complete_that_died_after_assembling_is_taken_up(api: ApiClient, service: Service) -> None:
    file_id = await requested(api)
    await send(api, file_id, 1, 2, 3)
    [upload] = await multipart_uploads(service, file_id)
    async for bucket in open_bucket(service):
        place = {"Bucket": bucket.name, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        held = (await bucket.client.list_parts(**place))["Parts"]
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in held]
        await bucket.client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    assert (await api.parts(file_id)).code == "wrong_state"
    assert (await api.complete(file_id)).data["status"] == "PROCESSING"
    assert (await settled(api, file_id))["sha256"] == SHA256


@pytest.mark.parametrize("noticed_by", ["parts", "complete"])
async def test_what_the_store_has_given_up_is_sent_again(
    retrying_api: ApiClient, service: Service, noticed_by: str
) -> None:
    api = retrying_api
    file_id = await requested(api)
    await send(api, file_id, 1, 2, 3)
    [upload] = await multipart_uploads(service, file_id)
    async for bucket in open_bucket(service):
        await bucket.client.abort_multipart_upload(
            Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
        )
    if noticed_by == "parts":
        assert (await api.parts(file_id)).data["parts"] == []
    else:
        assert (await api.complete(file_id)).context["missing"] == [1, 2, 3]
    await send(api, file_id, 1, 2, 3)
    assert (await api.complete(file_id)).code is None
    assert (await settled(api, file_id))["sha256"] == SHA256


async def test_deletion_aborts_what_has_arrived(api: ApiClient, service: Service) -> None:
    file_id = await requested(api)
    await send(api, file_id, 1)
    assert len(await multipart_uploads(service, file_id)) == 1
    await api.delete(file_id)
    await purged(api, file_id)
    assert await multipart_uploads(service, file_id) == []
    for refused in (
        await api.request_parts(file_id, [2]),
        await api.parts(file_id),
        await api.complete(file_id),
    ):
        assert refused.code == "wrong_state"


async def test_one_put_is_not_parts(api: ApiClient) -> None:
    outcome = await api.request(name="a", size=len(CONTENT))
    assert outcome.data["multipart"] is None
    assert (await api.request_parts(outcome.id, [1])).code == "wrong_state"
    assert (await api.parts(outcome.id)).code == "wrong_state"


async def test_what_one_put_cannot_carry_comes_in_parts(api: ApiClient) -> None:
    size = 5 * 1024**4
    plan = (await api.request(name="huge", size=size)).data["multipart"]
    assert plan["partCount"] <= 10_000
    assert plan["partSize"] * (plan["partCount"] - 1) < size <= plan["partSize"] * plan["partCount"]
    assert (await api.request(name="huge", size=size, multipart=False)).code == "file_too_large"
    assert (await api.request(name="huge", size=size + 1)).code == "file_too_large"


async def test_parts_are_as_large_as_the_client_wishes(api: ApiClient) -> None:
    async def plan(size: int, part_size: int | None) -> tuple[int, int]:
        outcome = await api.request(name="a", size=size, multipart=True, partSize=part_size)
        assert outcome.code is None, outcome
        return outcome.data["multipart"]["partSize"], outcome.data["multipart"]["partCount"]

    assert await plan(20 * MIB, 5 * MIB) == (5 * MIB, 4)
    assert await plan(20 * MIB, 5 * MIB + 1) == (5 * MIB + 1, 4)
    assert await plan(20 * MIB, 5 * 1024 * MIB) == (5 * 1024 * MIB, 1)
    assert await plan(20 * MIB, None) == (16 * MIB, 2)
    # As many parts as there may be, and one byte more.
    assert await plan(10_000 * 5 * MIB, 5 * MIB) == (5 * MIB, 10_000)
    assert await plan(10_000 * 5 * MIB + 1, 5 * MIB) == (6 * MIB, 8334)


@pytest.mark.parametrize("part_size", [0, 5 * MIB - 1, 5 * 1024 * MIB + 1])
async def test_part_sizes_that_the_store_does_not_take_are_refused(api: ApiClient, part_size: int) -> None:
    refused = await api.request(name="a", size=20 * MIB, multipart=True, partSize=part_size)
    assert (refused.code, list(refused.context["fields"])) == ("invalid_input", ["partSize"])
    assert str(5 * MIB if part_size < 5 * MIB else 5 * 1024 * MIB) in refused.context["fields"]["partSize"]


async def test_an_upload_in_wished_parts_is_verified(api: ApiClient) -> None:
    content = os.urandom(5 * MIB + 1)
    outcome = await api.request(name="a", size=len(content), multipart=True, partSize=5 * MIB)
    for part in (await api.request_parts(outcome.id, [1, 2])).data["parts"]:
        number = part["partNumber"]
        assert (await put(part, content[(number - 1) * 5 * MIB : number * 5 * MIB])).status_code == 200
    assert (await api.complete(outcome.id)).code is None
    assert (await settled(api, outcome.id))["sha256"] == hashlib.sha256(content).hexdigest()


async def test_an_empty_file_has_no_parts(api: ApiClient) -> None:
    assert (await api.request(name="empty", size=0, multipart=True)).data["multipart"] is None


async def test_another_owners_parts_are_not_there(api: ApiClient, stranger: ApiClient) -> None:
    file_id = await requested(api)
    for refused in (
        await stranger.request_parts(file_id, [1]),
        await stranger.parts(file_id),
        await stranger.refresh(file_id),
    ):
        assert refused.code == "file_not_found"
