"""Millions of files of one owner, as the application stores them, written without it.

`python -m bench.millions URL DATABASE [FILES]` fills a database, and makes its indexes afterwards, which is
faster than keeping them up to date while files are inserted.
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from waybill import indexes
from waybill.files.lifecycle import FailureReason, Status
from waybill.files.name_search import search_form
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo import connection

OWNER = "millions"
FILES = 2_000_000
BATCH = 10_000

#: Seconds from one file to the next: two million files are as old as two years.
APART_SECONDS = 31

#: One file in so many has a name, a type and a size that few others have.
RARE = 100_000
RARE_NAME = "zebra-"
RARE_TYPE = "model/step"
RARE_BYTES = 2**40

#: One file in so many is in the trash, and stays there for a month.
TRASHED = 10

_DAY = timedelta(days=1)
_TYPES = (
    *(("image/jpeg", ".jpg"),) * 12,
    *(("application/pdf", ".pdf"),) * 4,
    *(("image/png", ".png"),) * 2,
    ("text/plain; charset=utf-8", ".txt"),
    ("video/mp4", ".mp4"),
)
_WORDS = ("holiday", "invoice", "letter", "minutes", "plan", "report", "scan", "Summary")


def fill(files: Collection[dict[str, Any]], count: int = FILES, owner: str = OWNER) -> None:
    """Insert ``count`` files of an owner, the oldest first, with the same content in every run."""
    quick = files.with_options(write_concern=WriteConcern(w=1, j=False))
    # In whole seconds, so that many are never of the same time.
    end = datetime.now(UTC).replace(microsecond=0)
    found = generated(owner, count, end)
    while batch := [document for _, document in zip(range(BATCH), found, strict=False)]:
        quick.insert_many(batch, ordered=False)


def generated(owner: str, count: int, end: datetime) -> Iterator[dict[str, Any]]:
    """The documents of files that were made until ``end``."""
    # Not for secrets: the same files each time, so that figures can be compared.
    chance = random.Random(count)  # noqa: S311
    for number in range(count):
        created_at = end - timedelta(seconds=APART_SECONDS * (count - number))
        yield _file(owner, number, created_at, end, chance)


def _file(
    owner: str, number: int, created_at: datetime, now: datetime, chance: random.Random
) -> dict[str, Any]:
    file_id = ObjectId()
    is_rare = number % RARE == RARE // 2
    content_type, ending = (RARE_TYPE, ".step") if is_rare else chance.choice(_TYPES)
    stem = RARE_NAME if is_rare else f"{chance.choice(_WORDS)}-"
    name = f"{stem}{chance.randrange(10**7)}{ending}"
    document: dict[str, Any] = {
        "_id": file_id,
        "owner": owner,
        "name": name,
        "name_search": search_form(name),
        "folder": f"photos/{created_at:%Y/%m}/",
        "metadata": [f"batch={number // 1000}", "source=camera"],
        # A few KiB to some hundred MiB.
        "size": RARE_BYTES + number if is_rare else int(2 ** (10 + 18 * chance.random())),
        "content_type": content_type,
        "object_key": f"files/{file_id}/{chance.getrandbits(128):032x}",
        "created_at": created_at,
        "upload_expires_at": created_at + timedelta(minutes=15),
    }
    match chance.randrange(100):
        case 0:
            document |= {"status": Status.FAILED.value, "failure_reason": FailureReason.SIZE_MISMATCH.value}
        case 1:
            document |= {"status": Status.EXPIRED.value}
        case _:
            document |= {
                "status": Status.COMPLETED.value,
                "etag": f"{chance.getrandbits(128):032x}",
                "sha256": f"{chance.getrandbits(256):064x}",
                "completed_at": created_at + timedelta(seconds=9),
            }
    if number % TRASHED == 1:
        deleted_at = now - timedelta(seconds=number)
        document |= {"deleted_at": deleted_at, "purge_at": now + 30 * _DAY, "due_at": now + 30 * _DAY}
    return document


async def make_indexes(url: str, database: str) -> None:
    """Make what `waybill init` makes in MongoDB."""
    async with connection.open_database(url, database, DOCUMENTS):
        await indexes.create_indexes()


def main() -> None:
    """Fill a database, and print how long it took."""
    url, database, *rest = sys.argv[1:]
    count = int(rest[0]) if rest else FILES
    began = time.monotonic()
    with pymongo.MongoClient[dict[str, Any]](url, tz_aware=True) as client:
        fill(client[database]["files"], count)
    inserted = time.monotonic()
    asyncio.run(make_indexes(url, database))
    done = time.monotonic()
    print(f"{count:,} files in {inserted - began:.0f} s, indexes in {done - inserted:.0f} s")


if __name__ == "__main__":
    main()
