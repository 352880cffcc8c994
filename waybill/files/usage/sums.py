"""Stored sums: how many files an owner has, and how many bytes, by status, day and type.

Counting two million files takes seconds, so requests never count. A change that affects a sum marks the file
``unsummed`` in the same update. A fold adds the file to the sums that count it now, subtracts it from the
sums that counted it before (``summed``) and removes the mark, in one transaction. A read adds the files that
are still marked, from the same snapshot, so it is exact as soon as a change is acknowledged.
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

#: Files of one transaction. A request that changes one of them waits for its end, about 20 ms.
FOLD_FILES = 500

#: The most files of one run, so that a busy owner cannot prolong it.
RUN_FILES = 20_000

#: The most marked files that a read adds. There are more only if no worker has folded for a while.
MAX_UNSUMMED_FILES = 5000

#: The most files of an owner that are counted one by one, until the first lap has ended.
MAX_COUNTED_FILES = 5000

#: The timeout of a fold in seconds.
FOLD_SECONDS = 10

#: The fields of a file that a fold reads.
FIELDS = ("owner", "status", "size", "content_type", "completed_at", "deleted_at", "summed", "unsummed")

#: A change of one of these fields affects a sum. ``size`` and ``owner`` never change.
SUMMED_FIELDS = frozenset({"status", "deleted_at", "completed_at", "content_type"})

#: Groups marked files that differ in size only. MongoDB counts them, because decoding thousands takes long.
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
    """A number of files, and their total size in bytes."""

    files: int = 0
    size: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.files + other.files, self.size + other.size)

    def __neg__(self) -> "Sum":
        return Sum(-self.files, -self.size)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of an owner by kind and key. Not exact if some of the owner's files are not added yet."""

    by_kind: Mapping[str, Mapping[str, Sum]]
    is_exact: bool


class StoredSum(Document):
    """One stored sum. The id is ``{owner, kind, key}``, in this order."""

    id: dict[str, str]  # type: ignore[assignment]
    files: int
    size: int

    class Settings:
        name = "sums"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel([("_id.owner", 1), ("_id.kind", 1), ("size", -1)], name="largest"),
        ]


def contribution(file: Mapping[str, Any]) -> dict[str, str]:
    """Return the sums that count a stored file: the key of each kind. Empty if the file is deleted."""
    if file.get("deleted_at") is not None:
        return {}
    counts = {"status": file["status"]}
    if file["status"] == Status.COMPLETED.value:
        counts["type"] = file["content_type"].partition("/")[0].lower()
        if (completed_at := file.get("completed_at")) is not None:
            counts["day"] = completed_at.date().isoformat()
    return counts


def is_summed(file: Mapping[str, Any]) -> bool:
    """Return whether the stored sums count a file as it is now."""
    summed: Mapping[str, str] = file.get("summed", {})
    return contribution(file) == summed


def is_file(document: Mapping[str, Any]) -> bool:
    """Return whether a document has the fields of a file. A document changed by hand must not stop a fold."""
    needed = {"owner": str, "status": str, "content_type": str, "size": int}
    return all(isinstance(document.get(name), type_) for name, type_ in needed.items())


async def read_sums(owner: str, largest: Mapping[str, int]) -> Sums:
    """Return an owner's sums, with bounded work: of each kind the ``largest``, and perhaps more.

    Raises:
        ServiceUnavailable: MongoDB is unavailable, or an index is just being created.
    """
    stored_sums: list[dict[str, Any]] = [
        {
            "$unionWith": {
                "coll": StoredSum.Settings.name,
                "pipeline": [
                    {"$match": {"_id.owner": owner, "_id.kind": kind}},
                    {"$sort": {"size": -1}},
                    # A marked file can make another sum one of the largest.
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
            *stored_sums,
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
    """Fold the marked files, up to ``RUN_FILES``. Return how many were folded."""
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
    """Update the stored sums with some files. Return how many were folded.

    Two runs at once are harmless. Files that a request changes at the same moment are left for the next run.
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
                # A request has changed one of the files meanwhile. Smaller batches conflict less often, so
                # the files of a busy owner are folded too.
                half = len(batch) // 2
                batches += [batch[:half], batch[half:]] if half else []
    return folded


async def _fold(ids: Sequence[FileId]) -> int:
    async with await _files().database.client.start_session() as session, session.start_transaction():
        # Read again in the transaction, which then fails if one of them changes before it ends.
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
            sums = StoredSum.get_motor_collection()
            await sums.bulk_write(_increments(differences), session=session)
        # Last, because requests that change one of these files wait from here to the commit.
        await _files().bulk_write(
            [
                # Not a pipeline, because the change stream recognizes this update by its field.
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
    # Clients may invent types. The sum of a type that no file has any longer is removed.
    emptied = [each for each, moved in zip(ids, differences.values(), strict=True) if moved.files < 0]
    return [*increments, DeleteMany({"_id": {"$in": emptied}, "files": 0})] if emptied else increments


def _differences(files: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], Sum]:
    """Return the differences between some files and the stored sums, by owner, kind and key."""
    differences: dict[tuple[str, str, str], Sum] = defaultdict(Sum)
    for file in files:
        now, before = contribution(file).items(), file.get("summed", {}).items()
        # A group of ``_ALIKE`` counts as ``marked`` files.
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
    """Return the result of an aggregation on a snapshot that a majority has acknowledged."""
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
