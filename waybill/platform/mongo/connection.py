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

#: Milliseconds until a MongoDB is given up that does not answer. What requests ask is small and on an index.
ANSWER_TIMEOUT_MS = 1200


#: Seconds that an operation on many documents may take.
BATCH_TIMEOUT_SECONDS = 10


#: The oldest release of MongoDB that is supported.
OLDEST_MONGODB = "6.0"


#: Milliseconds for a response to a search of the log of changes: MongoDB goes through all that others
#: have changed before it answers, and a limit that it misses once it would miss again and again.
SEARCH_TIMEOUT_MS = 12_000

#: The collection of files. What answers rest on is in it, so majorities are confirmed on it.
FILES = "files"

# One of each at a time, as Beanie has it.
_database: Any = None
_patient: Any = None


@dataclass(frozen=True, slots=True)
class _UnaskedDatabase:
    """A database as Beanie needs it to set up the documents, without a round trip.

    Beanie asks for MongoDB's version, which only time series depend on. A process would not start while
    MongoDB is unavailable.
    """

    database: Any

    async def command(self, _: Any) -> dict[str, str]:
        return {"version": OLDEST_MONGODB}

    def __getitem__(self, name: str) -> Any:
        return self.database[name]


@asynccontextmanager
async def open_database(url: str, name: str, documents: Sequence[type[Document]]) -> AsyncIterator[None]:
    """Connect ``documents`` to MongoDB for as long as the context lasts, even if it is unavailable.

    Makes no index.

    Raises:
        SettingsError: the URL is not one of MongoDB's.
    """
    global _database, _patient
    primaries = ConfirmedPrimaries()
    options: dict[str, Any] = {
        "tz_aware": True,
        # An answer or an error within some seconds, whether the server is gone or only frozen: each is the
        # limit of one step, and the driver tries twice. One limit for the whole (timeoutMS) would be simpler,
        # but costs every operation a quarter of its time.
        "socketTimeoutMS": ANSWER_TIMEOUT_MS,
        "waitQueueTimeoutMS": ANSWER_TIMEOUT_MS,
        "serverSelectionTimeoutMS": ANSWER_TIMEOUT_MS,
        "connectTimeoutMS": ANSWER_TIMEOUT_MS,
        # Without a journaled majority an acknowledged upload could vanish with a killed server. What is read
        # must have one too, for an answer that rests on it must hold (docs/decisions/0016).
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
        # Also where DNS does not tell the hosts of a mongodb+srv:// URL.
        raise SettingsError(f"WAYBILL_MONGODB_URL cannot be used: {error}") from error
    # Connects when it is asked for the first time.
    patient: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        url, **{**options, "socketTimeoutMS": SEARCH_TIMEOUT_MS}
    )
    try:
        # Otherwise the first operation that finds a primary begins it.
        with suppress(ServiceUnavailable):
            await primaries.confirm(client[name][FILES])
        database: Any = _UnaskedDatabase(client[name])
        await init_beanie(database=database, document_models=list(documents), skip_indexes=True)
        _database, _patient = client[name], patient[name]
        yield
    finally:
        client.close()
        patient.close()


async def check_majority() -> None:
    """Return once a majority has all that the primary has: MongoDB's health check.

    A primary answers although no majority follows it, and acknowledges no write.

    Raises:
        ServiceUnavailable: there is no primary, or no majority acknowledges in time.
    """
    await confirm_majority(files_collection())


async def database_time() -> datetime:
    """What time MongoDB has."""
    with map_driver_errors():
        database = files_collection().database
        answer = await database.command("hello", codec_options=database.codec_options)
    time: datetime = answer["localTime"]
    return time


def files_collection() -> Any:
    """The driver's collection of files."""
    return _database[FILES]


def patient_files_collection() -> Any:
    """The same, of a client that waits longer for each answer."""
    return _patient[FILES]
