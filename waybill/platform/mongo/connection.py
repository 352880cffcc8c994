"""The connection to MongoDB."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from beanie import Document, init_beanie
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from waybill.platform.errors import ServiceUnavailable, SettingsError
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.primaries import ConfirmedPrimaries, confirm_majority

#: Milliseconds for each response. Short, because requests ask for little, and use indexes.
ANSWER_TIMEOUT_MS = 1200


#: Seconds for an operation on many documents.
BATCH_TIMEOUT_SECONDS = 10


#: The oldest release of MongoDB that is supported.
OLDEST_MONGODB = "6.0"


#: Milliseconds for each response of the change stream. MongoDB reads all changes of other owners before it
#: answers. If it exceeded the limit once, it would exceed it at every retry.
SEARCH_TIMEOUT_MS = 12_000

#: The collection of files. Responses depend on its state, so majorities are confirmed with it.
FILES = "files"

# One of each in a process, like Beanie's. Motor takes 0.1 ms to make a collection.
_files: Any = None
_files_with_long_timeout: Any = None


@dataclass(frozen=True, slots=True)
class _UnaskedDatabase:
    """A database with which Beanie can set up the documents without a round trip.

    Beanie asks for MongoDB's version, which it needs only for time series. With that question a process could
    not start while MongoDB is unavailable.
    """

    database: Any

    async def command(self, _: Any) -> dict[str, str]:
        return {"version": OLDEST_MONGODB}

    def __getitem__(self, name: str) -> Any:
        return self.database[name]


@asynccontextmanager
async def open_database(url: str, name: str, documents: Sequence[type[Document]]) -> AsyncIterator[None]:
    """Connect ``documents`` to MongoDB, also if it is unavailable now. Builds no index.

    Raises:
        SettingsError: the URL is not one of MongoDB's.
    """
    global _files, _files_with_long_timeout
    primaries = ConfirmedPrimaries()
    options: dict[str, Any] = {
        "tz_aware": True,
        # Each limits one step, and the driver tries twice, so a dead or frozen server means an error within
        # some seconds. One limit for the whole operation (timeoutMS) would be simpler, but makes each
        # operation a quarter slower.
        "socketTimeoutMS": ANSWER_TIMEOUT_MS,
        "waitQueueTimeoutMS": ANSWER_TIMEOUT_MS,
        "serverSelectionTimeoutMS": ANSWER_TIMEOUT_MS,
        "connectTimeoutMS": ANSWER_TIMEOUT_MS,
        # Without a journaled majority an acknowledged upload could be lost with a killed server. Reads
        # require a majority too, because a response that depends on them must stay true
        # (docs/decisions/0016).
        "w": "majority",
        "journal": True,
        "readConcernLevel": "majority",
        "readPreference": "primary",
        "server_selector": primaries,
        "appname": "waybill",
    }
    try:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(url, **options)
    except (PyMongoError, ValueError) as error:
        # Also if DNS does not return the hosts of a mongodb+srv:// URL.
        raise SettingsError(f"WAYBILL_MONGODB_URL cannot be used: {error}") from error
    # Connects at its first use.
    with_long_timeout: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        url, **{**options, "socketTimeoutMS": SEARCH_TIMEOUT_MS}
    )
    try:
        # If this fails, the first operation that finds a primary confirms it.
        with suppress(ServiceUnavailable):
            await primaries.confirm(client[name][FILES])
        database: Any = _UnaskedDatabase(client[name])
        await init_beanie(database=database, document_models=list(documents), skip_indexes=True)
        _files, _files_with_long_timeout = client[name][FILES], with_long_timeout[name][FILES]
        yield
    finally:
        client.close()
        with_long_timeout.close()


async def check_majority() -> None:
    """Return once a majority has all writes of the primary: the health check of MongoDB.

    A primary without a majority still answers reads, but acknowledges no write.

    Raises:
        ServiceUnavailable: there is no primary, or no majority acknowledges in time.
    """
    await confirm_majority(files_collection())


async def database_time() -> datetime:
    """Return the time of MongoDB's clock."""
    with map_driver_errors():
        database = files_collection().database
        answer = await database.command("hello", codec_options=database.codec_options)
    time: datetime = answer["localTime"]
    return time


def files_collection() -> Any:
    """Return the driver's collection of files."""
    return _files


def files_collection_with_long_timeout() -> Any:
    """Return the same collection, of a client with a longer timeout for each response."""
    return _files_with_long_timeout
