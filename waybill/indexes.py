"""Build the indexes, while processes of the old release and the new one run.

A name of an index means one definition. A release that changes a definition also changes the name (`newest`
becomes `newest_2`) and adds the old name to ``RETIRED_INDEXES``. So the new index is built next to the old
one, which the old release still uses in its hints.
"""

from collections.abc import Mapping
from typing import Any

import pymongo
import structlog
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from waybill.files.idempotency import IdempotencyKey
from waybill.files.model import File
from waybill.files.operations.model import Operation
from waybill.files.part_sha256 import PartSha256
from waybill.files.usage.laps import Lap, ask_for_lap
from waybill.files.usage.quota import Owner, look_again
from waybill.files.usage.sums import StoredSum
from waybill.platform.errors import InitError
from waybill.platform.mongo.connection import database_time, files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.lease import Lease
from waybill.webhooks.model import Delivery, Webhook

DOCUMENTS = (File, PartSha256, IdempotencyKey, Operation, Owner, Webhook, Delivery, Lease, StoredSum, Lap)


#: Names of indexes, by collection, that older releases use and this one does not.
RETIRED_INDEXES: Mapping[str, frozenset[str]] = {
    "files": frozenset({"due", "by_name"}),
    "webhook_deliveries": frozenset({"due"}),
}

#: Seconds for the build of an index. Without a value the client's timeouts would apply.
BUILD_TIMEOUT_SECONDS = 24 * 3600

# MongoDB's error codes.
_INDEX_NOT_FOUND = 27
_NAMESPACE_EXISTS = 48
_INDEX_OPTIONS_CONFLICT = 85
_INDEX_KEY_SPECS_CONFLICT = 86

log = structlog.get_logger(__name__)


async def create_indexes(*, drop_old: bool = False) -> None:
    """Build missing indexes, enable images of changes, and request a check of sums and quotas.

    Safe to repeat. With ``drop_old``, drop the indexes of older releases. Stop their processes first.

    Raises:
        InitError: documents or an existing index prevent a new index; the message says what to do.
        ServiceUnavailable: MongoDB, or a majority of its members, is unavailable.
    """
    # Fail fast here: within the timeout of a build the driver would wait hours for an unavailable MongoDB.
    await database_time()
    with map_driver_errors(), pymongo.timeout(BUILD_TIMEOUT_SECONDS):
        await _enable_images()
        await look_again()
        await ask_for_lap()
        for document in DOCUMENTS:
            indexed = document.get_motor_collection()
            if drop_old:
                await _drop_old(indexed, document.Settings.indexes)
            for index in document.Settings.indexes:
                await _build(indexed, index)


async def missing_indexes() -> list[str]:
    """Return the indexes, such as `files.newest`, that `waybill init` has not begun to build."""
    missing = []
    with map_driver_errors():
        for document in DOCUMENTS:
            if document.Settings.indexes:
                found = await document.get_motor_collection().index_information()
                names = (index.document["name"] for index in document.Settings.indexes)
                missing += [f"{document.Settings.name}.{name}" for name in names if name not in found]
    return missing


async def _build(indexed: Any, index: pymongo.IndexModel) -> None:
    name = f"{index.document['name']} of {indexed.name}"
    try:
        # By default MongoDB waits for every voting member, which is for ever if one is down.
        await indexed.create_indexes([index], commitQuorum="majority")
    except DuplicateKeyError as error:
        values = (error.details or {}).get("keyValue")
        raise InitError(
            f"Index {name} cannot be built: several documents have {values}. Delete all but one of them, "
            "then run `waybill init` again."
        ) from error
    except OperationFailure as error:
        lifetime = index.document.get("expireAfterSeconds")
        if error.code == _INDEX_OPTIONS_CONFLICT and lifetime is not None:
            # A key can have only one TTL index.
            changed = {"keyPattern": index.document["key"], "expireAfterSeconds": lifetime}
            await indexed.database.command("collMod", indexed.name, index=changed)
        elif error.code in {_INDEX_OPTIONS_CONFLICT, _INDEX_KEY_SPECS_CONFLICT}:
            raise InitError(
                f"Index {name} exists with another definition. Stop the processes of older releases, then "
                "run `waybill init --drop-old`."
            ) from error
        else:
            raise


async def _drop_old(indexed: Any, indexes: list[pymongo.IndexModel]) -> None:
    """Drop the retired indexes, and indexes whose definition differs from this release's."""
    wanted = {index.document["name"]: index.document for index in indexes}
    for name, found in (await indexed.index_information()).items():
        is_retired = name in RETIRED_INDEXES.get(indexed.name, ())
        if is_retired or (name in wanted and _definition(found) != _definition(wanted[name])):
            log.info("index dropped", collection=indexed.name, index=name)
            try:
                await indexed.drop_index(name)
            except OperationFailure as error:
                if error.code != _INDEX_NOT_FOUND:  # another init was faster
                    raise


def _definition(index: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the options that MongoDB compares, of one of our indexes or of one that it reports."""
    key = index["key"].items() if isinstance(index["key"], Mapping) else index["key"]
    return (
        list(key),
        bool(index.get("unique")),
        bool(index.get("sparse")),
        dict(index.get("partialFilterExpression") or {}),
    )


async def _enable_images() -> None:
    """Let MongoDB store the images of a file before and after each change, for the change stream."""
    images = {"changeStreamPreAndPostImages": {"enabled": True}}
    database = files_collection().database
    try:
        await database.create_collection(File.Settings.name, **images)
    except (CollectionInvalid, OperationFailure) as error:
        # It exists, or another `waybill init` has just created it.
        if isinstance(error, OperationFailure) and error.code != _NAMESPACE_EXISTS:
            raise
        [found] = await (await database.list_collections(filter={"name": File.Settings.name})).to_list(None)
        # The change requires the privilege collMod, and MongoDB refuses it while an index is built.
        if found["options"].get("changeStreamPreAndPostImages") != {"enabled": True}:
            await database.command("collMod", File.Settings.name, **images)
