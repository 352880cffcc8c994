"""Kept sums: how many files an owner has, and how many bytes they take, by status, day and type.

Counting two million files takes seconds, so requests never count. A change that moves a sum marks the file
``unsummed`` in the same update. A fold adds what the file counts in now, subtracts what it counted in before
(``summed``) and removes the mark, in one transaction. A read adds the differences of the files that are
still marked, from the same snapshot, so it is exact as soon as the change is acknowledged.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pymongo
from beanie import Document
from pymongo import DeleteMany, UpdateMany, UpdateOne
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from waybill.files.lifecycle import Status
from waybill.files.model import File, FileId
from waybill.files.usage.laps import FIRST_LAP, LAPS
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo.errors import map_driver_errors

#: Files of one transaction. A request that changes one of them waits until it is over, some 20 ms.
FOLD_FILES = 500

#: Files of one run. A hot owner cannot keep a run from ending.
RUN_FILES = 20_000

#: Marked files that a read takes into account. They are fewer unless no worker has folded for a while.
MAX_UNSUMMED_FILES = 5000

#: Files of an owner that are counted one by one as long as the first lap has not ended.
MAX_COUNTED_FILES = 5000

#: Seconds for the steps of one fold.
FOLD_SECONDS = 10

#: What a fold reads of a file.
FIELDS = ("owner", "status", "size", "content_type", "completed_at", "deleted_at", "summed", "unsummed")

#: A change of one of these moves a sum. ``size`` and ``owner`` never change.
SUMMED_FIELDS = frozenset({"status", "deleted_at", "completed_at", "content_type"})

#: Marked files that differ in size alone, as one: counted by MongoDB, for thousands take long to decode.
_ALIKE = {
    "_id": {
        "status": "$status",
        "content_type": "$content_type",
        "completed_at": {"$dateTrunc": {"date": "$completed_at", "unit": "day"}},
        "deleted_at": {"$cond": [{"$gt": ["$deleted_at", None]}, True, None]},
        "summed": {"$ifNull": ["$summed", {}]},
    },
    "marked": {"$sum": 1},
    "size": {"$sum": "$size"},
}

#: SnapshotUnavailable: an index was created at this moment.
_NO_SNAPSHOT = 246


@dataclass(frozen=True, slots=True)
class Sum:
    """A number of files, and the bytes that they take together."""

    files: int = 0
    size: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.files + other.files, self.size + other.size)

    def __neg__(self) -> "Sum":
        return Sum(-self.files, -self.size)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of an owner by kind and key. Not exact if some of the owner's files are still to be added."""

    by_kind: Mapping[str, Mapping[str, Sum]]
    is_exact: bool


class KeptSum(Document):
    """The files that count in one sum. The id is ``{owner, kind, key}``, in this order."""

    id: dict[str, str]  # type: ignore[assignment]
    files: int
    size: int

    class Settings:
        name = "sums"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel([("_id.owner", 1), ("_id.kind", 1), ("size", -1)], name="largest"),
        ]


def contribution(file: Mapping[str, Any]) -> dict[str, str]:
    """Return the sums that a stored file counts in, as a key for each kind; none if it is deleted."""
    if file.get("deleted_at") is not None:
        return {}
    counts = {"status": file["status"]}
    if file["status"] == Status.COMPLETED.value:
        counts["type"] = file["content_type"].partition("/")[0].lower()
        if (completed_at := file.get("completed_at")) is not None:
            counts["day"] = completed_at.date().isoformat()
    return counts


def is_summed(file: Mapping[str, Any]) -> bool:
    """Return whether the kept sums hold a stored file as it is now."""
    kept: Mapping[str, str] = file.get("summed", {})
    return contribution(file) == kept


def is_file(document: Mapping[str, Any]) -> bool:
    """Return whether a document has what sums need. One that was changed by hand must not stop a fold."""
    needed = {"owner": str, "status": str, "content_type": str, "size": int}
    return all(isinstance(document.get(name), type_) for name, type_ in needed.items())


async def read_sums(owner: str, largest: Mapping[str, int]) -> Sums:
    """Return an owner's sums: of each kind in ``largest`` so many, the largest by size, and perhaps more.

    Does bounded work however many files there are.

    Raises:
        ServiceUnavailable: MongoDB is away, or an index is just being created.
    """
    kept: list[dict[str, Any]] = [
        {
            "$unionWith": {
                "coll": KeptSum.Settings.name,
                "pipeline": [
                    {"$match": {"_id.owner": owner, "_id.kind": kind}},
                    {"$sort": {"size": -1}},
                    # A marked file can bring another sum among the largest.
                    {"$limit": limit + MAX_UNSUMMED_FILES},
                ],
            }
        }
        for kind, limit in largest.items()
    ]
    found = await _snapshot(
        [
            {"$match": {"owner": owner, "unsummed": True}},
            {"$limit": MAX_UNSUMMED_FILES},
            {"$group": _ALIKE},
            *kept,
            {"$unionWith": {"coll": LAPS, "pipeline": [{"$match": FIRST_LAP}]}},
        ]
    )
    marked = [{"owner": owner, **each, **each["_id"]} for each in found if "marked" in each]
    is_walked = any("laps" in each for each in found)
    if not is_walked and (counted := await _count(owner)) is not None:
        return Sums(_by_kind(counted), is_exact=True)
    sums = defaultdict(Sum, _differences(each for each in marked if is_file(each)))
    for each in found:
        if "files" in each:
            sums[owner, each["_id"]["kind"], each["_id"]["key"]] += Sum(each["files"], each["size"])
    return Sums(
        _by_kind(sums), is_exact=is_walked and sum(each["marked"] for each in marked) < MAX_UNSUMMED_FILES
    )


async def fold_marked() -> int:
    """Fold the files that are marked, up to ``RUN_FILES``. Returns how many were folded."""
    marked = _files().find({"unsummed": True}, {"_id": 1}, batch_size=FOLD_FILES)
    cursor = marked.sort("owner", 1).limit(RUN_FILES)
    folded = 0
    try:
        while True:
            with map_driver_errors(), pymongo.timeout(FOLD_SECONDS):
                found = await cursor.to_list(FOLD_FILES)
            if not found:
                return folded
            folded += await fold([file["_id"] for file in found])
    finally:
        with map_driver_errors():
            await cursor.close()


async def fold(ids: Sequence[FileId]) -> int:
    """Bring the kept sums up to date with some files. Returns how many were folded.

    Running twice at once is harmless. Files that others change at the same moment are left for the next time.
    """
    folded = 0
    batches = [ids] if ids else []
    while batches:
        batch = batches.pop()
        with map_driver_errors(), pymongo.timeout(FOLD_SECONDS):
            try:
                folded += await _fold(batch)
            except OperationFailure as error:
                if not error.has_error_label("TransientTransactionError"):
                    raise
                # A request has changed one of the files meanwhile. Smaller batches meet fewer requests, so
                # an owner whose files change all the time is folded too.
                half = len(batch) // 2
                batches += [batch[:half], batch[half:]] if half else []
    return folded


async def _fold(ids: Sequence[FileId]) -> int:
    async with await _files().database.client.start_session() as session, session.start_transaction():
        # Read again in the transaction: it fails if one of them changes before it ends.
        cursor = _files().find({"_id": {"$in": ids}}, FIELDS, session=session)
        found = [file for file in await cursor.to_list(None) if is_file(file)]
        alike: dict[frozenset[tuple[str, str]], list[FileId]] = defaultdict(list)
        for file in found:
            if file.get("unsummed") or not is_summed(file):
                alike[frozenset(contribution(file).items())].append(file["_id"])
        if not alike:
            return 0
        differences = _differences(found)
        if differences:
            sums = KeptSum.get_motor_collection()
            await sums.bulk_write(_increments(differences), session=session)
        # Last, because requests that change one of these files wait from here until the commit.
        await _files().bulk_write(
            [
                # No pipeline: the feed of changes recognizes this update by its field.
                UpdateMany(
                    {"_id": {"$in": those}}, {"$set": {"summed": dict(counts)}, "$unset": {"unsummed": 1}}
                )
                for counts, those in alike.items()
            ],
            ordered=False,
            session=session,
        )
        return sum(map(len, alike.values()))


def _increments(differences: Mapping[tuple[str, str, str], Sum]) -> list[Any]:
    ids = [{"owner": owner, "kind": kind, "key": key} for owner, kind, key in differences]
    increments: list[Any] = [
        UpdateOne({"_id": each}, {"$inc": {"files": moved.files, "size": moved.size}}, upsert=True)
        for each, moved in zip(ids, differences.values(), strict=True)
    ]
    # Clients may invent types: one that no file has any longer leaves nothing behind.
    emptied = [each for each, moved in zip(ids, differences.values(), strict=True) if moved.files < 0]
    return [*increments, DeleteMany({"_id": {"$in": emptied}, "files": 0})] if emptied else increments


def _differences(files: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], Sum]:
    """Return what the kept sums of some files lack, by owner, kind and key."""
    differences: dict[tuple[str, str, str], Sum] = defaultdict(Sum)
    for file in files:
        now, before = contribution(file).items(), file.get("summed", {}).items()
        # Of a group of files that are alike, as ``_ALIKE`` finds them: so many.
        one = Sum(file.get("marked", 1), file["size"])
        for kind, key in now - before:
            differences[file["owner"], kind, key] += one
        for kind, key in before - now:
            differences[file["owner"], kind, key] += -one
    return {key: moved for key, moved in differences.items() if moved != Sum()}


async def _count(owner: str) -> dict[tuple[str, str, str], Sum] | None:
    """Return an owner's sums from the files themselves, or None if there are too many to count."""
    query = (
        _files()
        .find({"owner": owner, "deleted_at": None}, FIELDS)
        .hint("newest")
        .limit(MAX_COUNTED_FILES + 1)
    )
    with map_driver_errors():
        found = await query.to_list(None)
    if len(found) > MAX_COUNTED_FILES:
        return None
    return _differences({**file, "summed": {}} for file in found if is_file(file))


def _by_kind(sums: Mapping[tuple[str, str, str], Sum]) -> Mapping[str, Mapping[str, Sum]]:
    by_kind: dict[str, dict[str, Sum]] = defaultdict(dict)
    for (_, kind, key), each in sums.items():
        if each.files > 0:
            by_kind[kind][key] = each
    return by_kind


async def _snapshot(pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what an aggregation finds at one moment that a majority has acknowledged."""
    files = _files().with_options(read_concern=ReadConcern("snapshot"))
    with map_driver_errors():
        try:
            found: list[dict[str, Any]] = await files.aggregate(pipeline).to_list(None)
        except OperationFailure as error:
            if error.code == _NO_SNAPSHOT:
                raise ServiceUnavailable("MongoDB") from error
            raise
    return found


def _files() -> Any:
    return File.get_motor_collection()
