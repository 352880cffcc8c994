"""The store's client: what is missing, and what is only away."""

import pytest

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
