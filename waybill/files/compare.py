"""Compare all records with all objects of the bucket, as after a restore. Changes nothing.

The bucket's list and the files by object key are in the same order: both are read once, side by side, and
neither is held in memory.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from waybill.files import all_files, repository
from waybill.files.lifecycle import Status
from waybill.platform.errors import FileNotFound
from waybill.platform.s3.object_key import KEY_PREFIX, made_for
from waybill.platform.s3.storage import Storage, StoredObject

#: Files in these statuses have an object until their purge begins.
_STORED = (Status.PROCESSING, Status.COMPLETED)


class Difference(StrEnum):
    """How a record and the bucket differ."""

    MISSING = "missing"
    SIZE = "size"
    ETAG = "etag"
    NO_RECORD = "no_record"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A file without its object, or an object without its file. ``owner`` and ``name`` are of the record."""

    difference: Difference
    key: str
    file_id: str | None
    owner: str | None = None
    name: str | None = None
    expected: str | None = None
    found: str | None = None


class UnsortedListError(Exception):
    """Raised when the store lists keys in another order than that of their bytes: nothing can be compared."""


class Comparison:
    """One comparison; counts what it has seen."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        #: Files that have, or should have, an object.
        self.files = 0
        #: Objects under our prefix whose key is of our making.
        self.objects = 0

    async def mismatches(self) -> AsyncGenerator[Mismatch, None]:
        """Yield each mismatch, in the order of the object keys.

        Each is looked at twice: files come and go while the two are read.

        Raises:
            UnsortedListError: the store does not list keys in order.
            ServiceUnavailable: MongoDB or the store does not answer.
        """
        async with aclosing(self._objects()) as objects, aclosing(all_files.read_all_files()) as files:
            item = await anext(objects, None)
            async for file in files:
                found: StoredObject | None = None
                while item is not None and item.key <= file["object_key"]:
                    if item.key == file["object_key"]:
                        found = item
                    elif (unknown := await self._unknown(item)) is not None:
                        yield unknown
                    item = await anext(objects, None)
                if _has_object(file):
                    self.files += 1
                    if (
                        not _agrees(file, found)
                        and (mismatch := await self._mismatch(str(file["_id"]))) is not None
                    ):
                        yield mismatch
            while item is not None:
                if (unknown := await self._unknown(item)) is not None:
                    yield unknown
                item = await anext(objects, None)

    async def _objects(self) -> AsyncGenerator[StoredObject, None]:
        last = ""
        async for page in self._storage.pages(KEY_PREFIX):
            for item in page:
                if made_for(item.key) is None:
                    continue
                if item.key < last:
                    raise UnsortedListError(item.key)
                last = item.key
                self.objects += 1
                yield item

    async def _mismatch(self, file_id: str) -> Mismatch | None:
        """Look at a file again, by itself."""
        try:
            file = await repository.find(file_id)
        except FileNotFound:
            return None
        if not _has_object(vars(file)):
            return None
        head = await self._storage.head(file.object_key)
        mine = {"key": file.object_key, "file_id": file_id, "owner": file.owner, "name": file.name}
        if head is None:
            return Mismatch(Difference.MISSING, **mine)
        if head.size != file.size:
            return Mismatch(Difference.SIZE, **mine, expected=str(file.size), found=str(head.size))
        if file.etag is not None and head.etag != file.etag:
            return Mismatch(Difference.ETAG, **mine, expected=file.etag, found=head.etag)
        return None

    async def _unknown(self, item: StoredObject) -> Mismatch | None:
        """Look for the record of an object again, by itself."""
        if await repository.find_by_keys([item.key]):
            return None
        return Mismatch(Difference.NO_RECORD, item.key, made_for(item.key))


def _has_object(file: Mapping[str, Any]) -> bool:
    return file["status"] in _STORED and file.get("purge_began_at") is None


def _agrees(file: Mapping[str, Any], item: StoredObject | None) -> bool:
    return item is not None and item.size == file["size"] and file.get("etag") in {None, item.etag}
