"""`waybill init` on a bucket that others use, too: their rules stay, and ours follow the settings."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.actors.conftest import Bucket, open_bucket
from tests.service import Service
from waybill.platform.s3.storage import Storage, open_storage

pytestmark = pytest.mark.bucket_rules

THEIRS: list[dict[str, Any]] = [
    {
        "ID": "reports",
        "AllowedOrigins": ["https://reports.example"],
        "AllowedMethods": ["GET", "DELETE"],
        "AllowedHeaders": ["x-report"],
        "ExposeHeaders": ["x-report"],
        "MaxAgeSeconds": 5,
    },
    {"AllowedOrigins": ["https://unnamed.example"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 0},
]

#: What releases before wrote.
EARLIER = {
    "AllowedOrigins": ["https://old.example"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3600,
}


@dataclass
class Shared:
    """A bucket of several users."""

    storage: Storage
    bucket: Bucket

    async def init(self, *origins: str) -> None:
        await self.storage.create_bucket("us-east-1", origins)

    async def set_rules(self, *rules: dict[str, Any]) -> None:
        await self.bucket.client.put_bucket_cors(
            Bucket=self.bucket.name, CORSConfiguration={"CORSRules": [*rules]}
        )

    async def rules(self) -> list[dict[str, Any]]:
        try:
            answer = await self.bucket.client.get_bucket_cors(Bucket=self.bucket.name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
                raise
            return []
        return list(answer["CORSRules"])

    async def ours(self) -> list[dict[str, Any]]:
        return [rule for rule in await self.rules() if "PUT" in rule["AllowedMethods"]]

    async def theirs(self) -> list[dict[str, Any]]:
        return [rule for rule in await self.rules() if "PUT" not in rule["AllowedMethods"]]


@pytest.fixture
async def shared(service: Service) -> AsyncIterator[Shared]:
    settings = service.settings.model_copy(update={"s3_bucket": f"shared-{uuid.uuid4()}", "s3_timeout": 60})
    async with open_storage(settings) as storage:
        async for bucket in open_bucket(service):
            bucket.name = settings.s3_bucket
            yield Shared(storage, bucket)


async def test_the_rules_of_others_stay_and_ours_follow_the_origins(shared: Shared) -> None:
    await shared.init()
    assert await shared.rules() == []
    await shared.set_rules(*THEIRS)
    for origins in (["https://a.example"], ["https://b.example", "https://c.example"], ["https://b.example"]):
        await shared.init(*origins)
        [ours] = await shared.ours()
        assert ours["AllowedOrigins"] == origins
        assert {"ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Content-Disposition"} <= {
            *ours["ExposeHeaders"]
        }
        assert await shared.theirs() == THEIRS
    await shared.init()
    assert await shared.rules() == THEIRS


async def test_the_last_rule_is_taken_back(shared: Shared) -> None:
    await shared.init("https://a.example")
    assert len(await shared.rules()) == 1
    await shared.init()
    assert await shared.rules() == []


async def test_ours_is_known_without_its_id(shared: Shared) -> None:
    """A store may drop ids, and releases before gave none."""
    await shared.init("https://a.example")
    [ours] = await shared.rules()
    ours.pop("ID")
    for nameless in (ours, EARLIER):
        await shared.set_rules(*THEIRS, nameless)
        await shared.init("https://new.example")
        assert [rule["AllowedOrigins"] for rule in await shared.ours()] == [["https://new.example"]]
        assert await shared.theirs() == THEIRS


async def test_a_rule_of_ours_made_by_somebody_else_is_theirs(shared: Shared) -> None:
    await shared.init()
    copied = {**EARLIER, "ID": "copied"}
    await shared.set_rules(copied)
    await shared.init("https://new.example")
    assert copied in await shared.rules()


async def test_several_inits_at_once_leave_one_rule(shared: Shared) -> None:
    await shared.init()
    await shared.set_rules(*THEIRS)
    await asyncio.gather(*(shared.init("https://a.example") for _ in range(8)))
    assert len(await shared.ours()) == 1
    assert await shared.theirs() == THEIRS
