"""`waybill orphans`: print objects that belong to no file, as NDJSON."""

import json
from datetime import timedelta

from dramatiq.brokers.redis import RedisBroker

from waybill.files import repository
from waybill.files.orphans import find_orphans
from waybill.platform.errors import SettingsError
from waybill.platform.settings import load_settings
from waybill.platform.times import rfc3339
from waybill.resources import open_resources, redis_client


async def list_orphans(older_than: timedelta, *, delete: bool) -> None:
    """Print each orphan on its own line, and delete it first if ``delete`` is set.

    Raises:
        SettingsError: a setting is wrong, or ``delete`` is set and the database has no files.
        ServiceUnavailable: MongoDB or the store does not answer. The lines printed before stay valid.
    """
    settings = load_settings()
    broker = RedisBroker(client=redis_client(settings), middleware=[])
    async with open_resources(settings, broker) as resources:
        # With the wrong database, or one that is not restored yet, every object looks like an orphan.
        if delete and not await repository.has_files():
            raise SettingsError(
                f"Nothing was deleted: the database {settings.mongodb_database} has no files. Check"
                " WAYBILL_MONGODB_URL and WAYBILL_MONGODB_DATABASE."
            )
        async for orphan in find_orphans(resources, older_than):
            if delete:
                await resources.storage.delete(orphan.object.key)
            line = {
                "key": orphan.object.key,
                "size": orphan.object.size,
                "modifiedAt": rfc3339(orphan.object.modified_at),
                "reason": orphan.reason,
                "deleted": delete,
            }
            print(json.dumps(line), flush=True)
