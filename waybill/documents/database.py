"""The connection to MongoDB."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from beanie import init_beanie
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from waybill.documents.file import File
from waybill.documents.followers import Follower
from waybill.documents.idempotency import IdempotencyKey
from waybill.documents.laps import Lap
from waybill.documents.outage import ANSWER_WITHIN, reachable
from waybill.documents.part_sha256 import PartSha256
from waybill.documents.primaries import ConfirmedPrimaries, confirm_majority
from waybill.documents.quota import Owner
from waybill.documents.sums import KeptSum
from waybill.errors import ServiceUnavailable, SettingsError
from waybill.webhooks.model import Delivery, Webhook

#: The oldest release of MongoDB that is supported.
OLDEST_MONGODB = "6.0"

DOCUMENTS = (File, PartSha256, IdempotencyKey, Owner, Webhook, Delivery, Follower, KeptSum, Lap)

#: Milliseconds for an answer to whoever searches the log of changes: MongoDB goes through all that others
#: have changed before it answers, and a limit that it misses once it would miss again and again.
SEARCHED_WITHIN = 12_000

# As Beanie has the other.
_patient: Any = None


@dataclass(frozen=True, slots=True)
class _UnaskedDatabase:
    """A database as Beanie needs it to set up the documents, without a round trip.

    Beanie asks for MongoDB's version, which only time series depend on. A process would not start while
    MongoDB is away.
    """

    database: Any

    async def command(self, _: Any) -> dict[str, str]:
        return {"version": OLDEST_MONGODB}

    def __getitem__(self, name: str) -> Any:
        return self.database[name]


@asynccontextmanager
async def open_database(url: str, name: str) -> AsyncIterator[None]:
    """Connect the documents to MongoDB for as long as the context lasts, even if it is away. Makes no index.

    Raises:
        SettingsError: the URL is not one of MongoDB's.
    """
    global _patient  # noqa: PLW0603  # one at a time, as Beanie has it
    primaries = ConfirmedPrimaries()
    options: dict[str, Any] = {
        "tz_aware": True,
        # An answer or an error within some seconds, whether the server is gone or only frozen: each is the
        # limit of one step, and the driver tries twice. One limit for the whole (timeoutMS) would be simpler,
        # but costs every operation a quarter of its time.
        "socketTimeoutMS": ANSWER_WITHIN,
        "waitQueueTimeoutMS": ANSWER_WITHIN,
        "serverSelectionTimeoutMS": ANSWER_WITHIN,
        "connectTimeoutMS": ANSWER_WITHIN,
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
        url, **{**options, "socketTimeoutMS": SEARCHED_WITHIN}
    )
    try:
        # Otherwise the first operation that finds a primary begins it.
        with suppress(ServiceUnavailable):
            await primaries.confirm(client[name][File.Settings.name])
        database: Any = _UnaskedDatabase(client[name])
        await init_beanie(database=database, document_models=list(DOCUMENTS), skip_indexes=True)
        _patient = patient[name]
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
    await confirm_majority(collection())


async def database_time() -> datetime:
    """What time MongoDB has."""
    with reachable():
        database = collection().database
        answer = await database.command("hello", codec_options=database.codec_options)
    time: datetime = answer["localTime"]
    return time


def collection() -> Any:
    """The driver's collection of files."""
    return File.get_motor_collection()


def patient_collection() -> Any:
    """The same, of a client that waits longer for each answer."""
    return _patient[File.Settings.name]
