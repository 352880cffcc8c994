"""Read the change stream of files: each change in order, with the file after it, from any resume token.

Source: MongoDB Manual, "Change Streams" and "Change Streams with Document Pre- and Post-Images".
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from bson import Timestamp
from pymongo.errors import OperationFailure, PyMongoError

from waybill.files.file_json import VISIBLE_FIELDS
from waybill.files.model import File, FileId
from waybill.files.repository import file_of, find_known, object_id
from waybill.platform.errors import FileNotFound, ServiceUnavailable
from waybill.platform.mongo.connection import files_collection, files_collection_with_long_timeout
from waybill.platform.mongo.errors import map_driver_errors

#: Milliseconds that MongoDB waits for a change before it returns none. Short, because a reader that ends must
#: wait for that response.
MAX_AWAIT_MS = 500

#: Unauthorized and AuthenticationFailed: they do not mean that the resume token is wrong.
_UNTRUSTED = frozenset({13, 18})

#: ChangeStreamFatalError and ChangeStreamHistoryLost.
_LOST = frozenset({280, 286})

#: SnapshotUnavailable.
_NO_SNAPSHOT = 246

log = structlog.get_logger(__name__)


class HistoryLostError(Exception):
    """Raised if a resume token is too old, or is not valid."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a file.

    ``file`` is the file after this change, which may have changed again since. ``changed`` are the stored
    fields that the change set or removed and that clients can see; in a new file all of them.
    ``resume_token`` sorts as text in the order of changes. ``cluster_time`` compares with that of
    ``find_at``.
    """

    resume_token: str
    cluster_time: int
    at: datetime
    file: File
    changed: frozenset[str]


async def watch(after: str | None = None, owner: str | None = None) -> AsyncGenerator[Change | str, None]:
    """Yield each change of files that clients can see, from now or after a resume token.

    Yields a resume token without a change at the start, unless there are changes already, and again after
    some time without a change. It is later than all that was yielded before. Never ends by itself.

    Args:
        after: The resume token; None for now.
        owner: Whose files; None for all.

    Raises:
        HistoryLostError: MongoDB no longer has the changes after the resume token, or it is not valid.
        ServiceUnavailable: MongoDB is unavailable. Read again after the last resume token.
    """
    if after is None:
        # The first response returns the current resume token, and need not wait for a change.
        async with aclosing(_watch(None, owner, quiet=1)) as brief:
            async for each in brief:
                yield each
                if isinstance(each, str):
                    after = each
                    break
    async with aclosing(_watch(after, owner, quiet=MAX_AWAIT_MS)) as lasting:
        async for each in lasting:
            yield each


async def _watch(after: str | None, owner: str | None, *, quiet: int) -> AsyncGenerator[Change | str, None]:
    kinds: dict[str, Any] = {
        "operationType": {"$in": ["insert", "update", "replace"]},
        # Leave out folds of the stored sums, before MongoDB reads the images.
        "updateDescription.updatedFields.summed": {"$exists": False},
        # The walk has added the searched form of a name.
        "$nor": [
            {
                "updateDescription.updatedFields.name_search": {"$exists": True},
                "updateDescription.updatedFields.name": {"$exists": False},
            }
        ],
    }
    if owner is not None:
        # Without an image (`waybill init` was not run since the update) the owner is looked up later.
        kinds["fullDocument.owner"] = {"$in": [owner, None]}
    stream = files_collection_with_long_timeout().watch(
        [{"$match": kinds}],
        full_document="whenAvailable",
        full_document_before_change="whenAvailable",
        resume_after=None if after is None else {"_data": after},
        max_await_time_ms=quiet,
    )
    is_open = False
    try:
        while True:
            pending = asyncio.ensure_future(stream.try_next())
            try:
                with map_driver_errors():
                    event = await asyncio.shield(pending)
            finally:
                # Only one thread at a time may use a cursor, so it is closed after the pending read.
                if not pending.done():
                    await asyncio.wait([pending])
                    pending.exception()  # retrieved, or asyncio logs it
            is_open = True
            if event is None:
                yield stream.resume_token["_data"]
            elif (change := await _change_of(event)) is not None and owner in {None, change.file.owner}:
                yield change
    except OperationFailure as error:
        # A malformed resume token has a dozen error codes, one for each place where MongoDB stops parsing it.
        is_refusal = after is not None and not is_open and error.code not in _UNTRUSTED
        if is_refusal or error.code in _LOST:
            raise HistoryLostError from error
        raise
    finally:
        with suppress(PyMongoError):
            await stream.close()


async def current_resume_token() -> str:
    """Return the current resume token.

    List files after this call, then watch from it, and no change is missed.
    """
    async with aclosing(watch()) as feed:
        first = await anext(feed)
    return first if isinstance(first, str) else first.resume_token


def covers(resume_token: str, other: str) -> bool:
    """Return whether a stream that yielded ``resume_token`` alone has yielded all changes up to ``other``.

    Such a resume token is that of the last entry of the oplog. The current resume token of another stream is
    one higher until the next entry, which may take ten seconds if nothing happens.
    """
    return resume_token >= other or cluster_time_of(resume_token) + 1 >= cluster_time_of(other)


def cluster_time_of(resume_token: str) -> int:
    """Return the cluster time with which a resume token begins.

    Raises:
        HistoryLostError: it is not valid.
    """
    try:
        return int(resume_token[2:18], 16)
    except ValueError:
        raise HistoryLostError from None


async def find_at(file_id: str, owner: str) -> tuple[File, int]:
    """Return an owner's file, and the cluster time up to which it includes all changes.

    Raises:
        FileNotFound: no such file of this owner.
        ServiceUnavailable: MongoDB is unavailable, or an index is just being created.
    """
    query = {
        "find": File.Settings.name,
        "filter": {"_id": object_id(file_id), "owner": owner},
        "limit": 1,
        "singleBatch": True,
        "readConcern": {"level": "snapshot"},
    }
    with map_driver_errors():
        database = files_collection().database
        try:
            answer = await database.command(query, codec_options=database.codec_options)
        except OperationFailure as error:
            if error.code == _NO_SNAPSHOT:
                raise ServiceUnavailable("MongoDB") from error
            raise
    found = answer["cursor"]["firstBatch"]
    if not found:
        raise FileNotFound(file_id)
    return file_of(found[0]), _cluster_time(answer["cursor"]["atClusterTime"])


async def _change_of(event: Mapping[str, Any]) -> Change | None:
    before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
    if before is not None and after is not None:
        # MongoDB may report an update of one field as the replacement of a small document.
        changed = frozenset(name for name in VISIBLE_FIELDS if before.get(name) != after.get(name))
    elif "updateDescription" in event:
        update = event["updateDescription"]
        changed = VISIBLE_FIELDS & {*update["updatedFields"], *update["removedFields"]}
    else:
        changed = VISIBLE_FIELDS & event["fullDocument"].keys()
    if not changed:
        return None
    file_id = event["documentKey"]["_id"]
    try:
        # Without an image, use the file as it is now.
        file = await find_known(FileId(file_id)) if after is None else file_of(after)
        if file is None:
            return None
        if not isinstance(vars(file).get("owner"), str):
            raise TypeError("it has no owner")
    except (ValueError, KeyError, TypeError) as error:
        # It is of a newer release, or was changed by hand. An exception would stop each reader here for ever.
        log.error("change skipped: its document is not a file", file_id=str(file_id), error=str(error))
        return None
    return Change(
        event["_id"]["_data"], _cluster_time(event["clusterTime"]), event["wallTime"], file, changed
    )


def _cluster_time(time: Timestamp) -> int:
    return (time.time << 32) + time.inc
