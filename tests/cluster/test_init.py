"""`waybill init` while one of three members is down."""

import asyncio

from cli.serve import initialise
from tests.cluster.cluster import Cluster
from tests.service import Service
from tests.waybill.conftest import new_file
from waybill import indexes
from waybill.files import repository
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo import connection
from waybill.platform.settings import Settings

#: Seconds until an init counts as one that waits for the dead member.
INIT_TIMEOUT_SECONDS = 60


def _settings_of_new_database(service: Service) -> Settings:
    return service.settings.model_copy(update={"mongodb_database": "initialised", "s3_bucket": "initialised"})


async def test_init_needs_no_more_than_a_majority(cluster: Cluster, owner: str) -> None:
    settings = _settings_of_new_database(cluster.service)
    database = settings.mongodb_url.get_secret_value(), settings.mongodb_database
    async with connection.open_database(*database, DOCUMENTS):
        # The indexes of an empty collection are built at once, by the primary alone.
        await repository.insert(new_file(owner))
    [down, _] = await asyncio.to_thread(cluster.mongo.secondaries)
    await asyncio.to_thread(cluster.mongo.kill, down)
    try:
        async with asyncio.timeout(INIT_TIMEOUT_SECONDS):
            await initialise(settings)
        async with connection.open_database(*database, DOCUMENTS):
            assert not await indexes.missing_indexes()
    finally:
        await asyncio.to_thread(cluster.mongo.start, down)
        await asyncio.to_thread(cluster.wait_until_healthy)
