"""The document of a file, and its indexes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId

from waybill.files.lifecycle import FailureReason, Status
from waybill.files.part_plan import PartPlan
from waybill.platform.mongo.connection import FILES

FileId = PydanticObjectId

#: Condition: the file is deleted, and its purge has not begun.
TRASH: Mapping[str, Any] = {"deleted_at": {"$exists": True}, "purge_began_at": None}

#: Condition: the file is a name of a content whose object another file holds.
NAMES: Mapping[str, Any] = {"status": Status.DUPLICATE.value, "deleted_at": None}

#: Condition: any other file.
NO_NAME: Mapping[str, Any] = {"$nor": [NAMES]}


def _partial(name: str, condition: Mapping[str, Any], /, **keys: int) -> pymongo.IndexModel:
    return pymongo.IndexModel(list(keys.items()), name=name, partialFilterExpression=condition)


class File(Document):
    """One file: its upload-request, its status, and the result of its verification.

    ``due_at`` is the outbox: from that time on the file needs a job. A file that waits for verification stays
    due, and Redis knows whether it has a message. While a worker hashes, ``due_at`` is the end of its lease.
    ``expire_at`` is when an upload that was not completed expires. ``etag`` is the ETag of the object to
    verify. A PROCESSING file without it was completed while the store was slow, and its worker looks for the
    object first.
    """

    owner: str
    name: str
    size: int
    content_type: str
    declared_sha256: str | None = None
    object_key: str
    created_at: datetime
    upload_expires_at: datetime

    # The searched form of the name. None in files of older releases until the walk has updated them.
    name_search: str | None = None
    # None for the top folder, and in files of releases without folders.
    folder: str | None = None
    # When the file came into its folder, if that was after its upload was requested: moved, or restored.
    placed_at: datetime | None = None
    # Pairs in the form that ``stored_metadata`` returns; None if there are none.
    metadata: list[str] | None = None

    status: Status = Status.PENDING
    expire_at: datetime | None = None
    due_at: datetime | None = None
    etag: str | None = None
    attempt: str | None = None
    sha256: str | None = None
    completed_at: datetime | None = None
    duplicate_of: PydanticObjectId | None = None
    # When a name was last added to the content that this file holds. None if there never was another name.
    duplicated_at: datetime | None = None
    failure_reason: FailureReason | None = None

    # A problem, how many looks in a row have found it, and the time of the next look.
    doubt: FailureReason | None = None
    looks: int | None = None
    look_at: datetime | None = None

    # For a file that is sent in parts. The first request for parts sets the upload id.
    part_size: int | None = None
    upload_id: str | None = None
    has_part_sha256: bool | None = None
    # When the store first reported the upload id as unknown. If a later look confirms it, the id is removed.
    upload_missed_at: datetime | None = None

    # Whether the file counts against its owner's quota.
    charged: bool | None = None

    # The stored sums that count the file, and whether it has changed since (``sums.py``).
    summed: dict[str, str] | None = None
    unsummed: bool | None = None

    deleted_at: datetime | None = None
    purge_at: datetime | None = None
    # When the purge began. The file cannot be restored after that.
    purge_began_at: datetime | None = None
    purged_at: datetime | None = None

    # When the removal of the object of a DUPLICATE began. No content may use that object after that.
    discarded_at: datetime | None = None
    # Whether some names of this content may still have a wrong ``duplicate_of``: one transaction corrects
    # only some.
    unfollowed: bool | None = None

    # Beanie checks at each read of a field whether it must still be parsed. Ours need no parsing, and a
    # request reads hundreds of fields.
    __getattribute__ = object.__getattribute__

    class Settings:
        name = FILES
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            # Each content has one COMPLETED file. A deletion makes room for another.
            pymongo.IndexModel(
                [("owner", 1), ("sha256", 1)],
                name="content",
                unique=True,
                partialFilterExpression={"status": Status.COMPLETED.value, "deleted_at": None},
            ),
            # The other names of a content. Only DUPLICATE files are in these.
            _partial("names", NAMES, owner=1, sha256=1, created_at=1, _id=1),
            _partial("names_by_name", NAMES, owner=1, sha256=1, name=1, content_type=1, folder=1),
            _partial("names_in_trash", TRASH, owner=1, sha256=1, status=1, purge_at=1),
            _partial("unfollowed", {"unfollowed": True}, owner=1),
            # An object belongs to one file, which may be another than the one whose id is in the key.
            pymongo.IndexModel([("object_key", 1)], name="object_key"),
            _partial("newest", {"deleted_at": None}, owner=1, created_at=-1, _id=-1),
            # With the searched names, for filters on a part of a name.
            _partial(
                "newest_with_search",
                {"deleted_at": None},
                **{"owner": 1, "created_at": -1, "_id": -1, "name_search": 1},
            ),
            _partial(
                "by_name_with_search",
                {"deleted_at": None},
                **{"owner": 1, "name": 1, "_id": 1, "status": 1, "name_search": 1},
            ),
            # Searched names and sizes. They contain the status, so that files of another status are skipped
            # without a fetch, and ``deleted_at``, so that counts read the index alone.
            _partial(
                "by_search",
                {"deleted_at": None},
                **{"owner": 1, "name_search": 1, "_id": 1, "status": 1, "deleted_at": 1},
            ),
            _partial("largest", {"deleted_at": None}, owner=1, size=-1, _id=-1, status=1, deleted_at=1),
            # The files of one folder without its subfolders, and of one pair of metadata.
            _partial(
                "newest_in_folder",
                {"deleted_at": None},
                **{"owner": 1, "folder": 1, "created_at": -1, "_id": -1, "status": 1, "deleted_at": 1},
            ),
            _partial("by_name_in_folder", {"deleted_at": None}, owner=1, folder=1, name=1, _id=1, status=1),
            _partial(
                "newest_by_metadata",
                {"deleted_at": None, "metadata": {"$exists": True}},
                **{"owner": 1, "metadata": 1, "created_at": -1, "_id": -1, "status": 1},
            ),
            _partial("newest_by_status", {"deleted_at": None}, owner=1, status=1, created_at=-1, _id=-1),
            # A trash may hold millions of files. Only deleted files are in these indexes.
            _partial("trash", TRASH, owner=1, created_at=-1, _id=-1),
            _partial("trash_by_name", TRASH, owner=1, name=1, _id=1, status=1),
            _partial("trash_largest", TRASH, owner=1, size=-1, _id=-1, status=1),
            _partial("expiring", {"expire_at": {"$exists": True}}, expire_at=1),
            # Each kind of job has its own index, so that a long backlog of one does not slow down the other.
            _partial(
                "verifying",
                {"status": Status.PROCESSING.value, "deleted_at": None, "due_at": {"$exists": True}},
                owner=1,
                due_at=1,
            ),
            _partial("purging", {"purge_at": {"$exists": True}, "due_at": {"$exists": True}}, due_at=1),
            _partial("unsummed", {"unsummed": True}, owner=1),
        ]

    @property
    def part_plan(self) -> PartPlan | None:
        """How the file is split into parts, or None if it is sent by one PUT."""
        return None if self.part_size is None else PartPlan(self.size, self.part_size)

    @property
    def key(self) -> FileId:
        """The id of a stored file, which Beanie's type declares as optional."""
        assert self.id is not None  # noqa: S101  # set by ``new_id`` or read from the database
        return self.id

    @property
    def file_id(self) -> str:
        """The id in the form that clients use: 24 hexadecimal digits."""
        return str(self.id)
