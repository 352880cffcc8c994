"""The connection to MongoDB."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

import pymongo
from beanie import init_beanie
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from waybill.documents.file import File
from waybill.errors import ServiceUnavailable

#: Milliseconds until an operation on MongoDB is given up. Every one of ours is small and on an index.
ANSWER_WITHIN = 1200

#: MongoDB's codes IndexOptionsConflict and IndexKeySpecsConflict.
_DIFFERENT_INDEX = frozenset({85, 86})


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the driver's outages into ours.

    Raises:
        ServiceUnavailable: MongoDB did not answer in time.
    """
    try:
        yield
    except PyMongoError as error:
        # Timeouts have many classes: of the network, the pool, the server, and of a journal that stalls.
        # A transaction that met others once too often may be tried again as well.
        is_brief = error.timeout or error.has_error_label("TransientTransactionError")
        if isinstance(error, ConnectionFailure) or is_brief:
            raise ServiceUnavailable("MongoDB") from error
        raise


@asynccontextmanager
async def open_database(url: str, name: str) -> AsyncIterator[None]:
    """Connect the documents to MongoDB for as long as the context lasts. Makes no index.

    Raises:
        ServiceUnavailable: MongoDB does not answer; Beanie asks for its version.
    """
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        url,
        tz_aware=True,
        # An answer or an error within two seconds, whether the server is gone or only frozen.
        timeoutMS=ANSWER_WITHIN,
        serverSelectionTimeoutMS=ANSWER_WITHIN,
        connectTimeoutMS=ANSWER_WITHIN,
        # Without a journaled majority an acknowledged upload could vanish with a killed server.
        w="majority",
        journal=True,
        appname="waybill",
    )
    try:
        with reachable():
            await init_beanie(database=client[name], document_models=[File], skip_indexes=True)
        yield
    finally:
        client.close()


async def create_indexes() -> None:
    """Create the indexes; harmless where they are there already.

    An index that an older release made differently is dropped and made anew. No file is at risk meanwhile:
    the unique one is checked again while it is built.
    """
    # Takes as long as the collection is large.
    with reachable(), pymongo.timeout(None):
        for index in File.Settings.indexes:
            try:
                await collection().create_indexes([index])
            except OperationFailure as error:
                if error.code not in _DIFFERENT_INDEX:
                    raise
                await collection().drop_index(index.document["name"])
                await collection().create_indexes([index])


async def database_time() -> datetime:
    """What time MongoDB has. Also its health check: one round trip."""
    with reachable():
        database = collection().database
        answer = await database.command("hello", codec_options=database.codec_options)
    time: datetime = answer["localTime"]
    return time


def collection() -> Any:
    """The driver's collection of files."""
    return File.get_motor_collection()
