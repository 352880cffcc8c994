"""The store's client: what is missing, and what is only away."""

import pytest

from tests.actors.conftest import open_bucket
from tests.service import Service
from waybill.errors import ServiceUnavailable
from waybill.storage import ObjectGoneError, open_storage


async def test_an_object_that_is_missing_is_gone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waybill.storage.ANSWER_WITHIN", 60)  # for a busy machine
    async with open_storage(service.settings) as storage:
        assert await storage.head("files/none") is None
        with pytest.raises(ObjectGoneError):
            await anext(storage.stream("files/none", '"etag"'))
        await storage.delete("files/none")


async def test_a_bucket_that_is_missing_is_not_a_missing_object(service: Service) -> None:
    async with open_storage(service.settings.model_copy(update={"s3_bucket": "no-such-bucket"})) as storage:
        with pytest.raises(ServiceUnavailable):
            await storage.head("files/none")
        with pytest.raises(ServiceUnavailable):
            await anext(storage.stream("files/none", '"etag"'))
        with pytest.raises(ServiceUnavailable):
            await storage.ping()


async def test_the_stores_own_rules_stay_beside_ours(service: Service) -> None:
    settings = service.settings
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    async for bucket in open_bucket(service):
        for _ in range(2):
            answer = await bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)
            [ours] = [rule for rule in answer["Rules"] if "AbortIncompleteMultipartUpload" in rule]
            await bucket.client.put_bucket_lifecycle_configuration(
                Bucket=bucket.name, LifecycleConfiguration={"Rules": [theirs, ours]}
            )
            async with open_storage(settings) as storage:
                await storage.create_bucket(settings.s3_region, [])
        answer = await bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)
    assert [rule["ID"] for rule in answer["Rules"]] == ["theirs", ours["ID"]]
