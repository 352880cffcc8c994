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

#: Deleted, and not being purged.
TRASH: Mapping[str, Any] = {"deleted_at": {"$exists": True}, "purge_began_at": None}

#: A name of a content whose object another file holds.
NAMES: Mapping[str, Any] = {"status": Status.DUPLICATE.value, "deleted_at": None}

#: Any other file.
NO_NAME: Mapping[str, Any] = {"$nor": [NAMES]}


def _partial(name: str, condition: Mapping[str, Any], /, **keys: int) -> pymongo.IndexModel:
    return pymongo.IndexModel(list(keys.items()), name=name, partialFilterExpression=condition)


class File(Document):
    """One upload: what was announced, where it stands, what was found.

    ``due_at`` is the outbox: the file needs a job, which may be sent from then on. A file that waits for its
    verification stays due; Redis knows whether it has a message. While a worker hashes, ``due_at`` is the
    end of that worker's lease. ``expire_at`` is when an upload that was not completed expires. ``etag`` is
    of the object that is verified; a PROCESSING file without one was completed while the store was slow, and
    its worker looks for the object first.
    """

    owner: str
    name: str
    size: int
    content_type: str
    declared_sha256: str | None = None
    object_key: str
    created_at: datetime
    upload_expires_at: datetime

    # The name as it is searched. None in files of earlier releases until the walk has reached them.
    name_search: str | None = None
    # None at the top, as of files of releases without folders.
    folder: str | None = None
    # Pairs as ``stored_metadata`` returns them; None if there are none.
    metadata: list[str] | None = None

    status: Status = Status.PENDING
    expire_at: datetime | None = None
    due_at: datetime | None = None
    etag: str | None = None
    attempt: str | None = None
    sha256: str | None = None
    completed_at: datetime | None = None
    duplicate_of: PydanticObjectId | None = None
    # When a name was last added to the content that this file holds. Without it no other name exists.
    duplicated_at: datetime | None = None
    failure_reason: FailureReason | None = None

    # A problem that this many looks in a row have found, and the time before which there is no other look.
    doubt: FailureReason | None = None
    looks: int | None = None
    look_at: datetime | None = None

    # Of a file that is sent in parts; the upload's id comes with the first request for parts.
    part_size: int | None = None
    upload_id: str | None = None
    has_part_sha256: bool | None = None
    # When the store first did not know the upload; it is forgotten if it still does not later.
    upload_missed_at: datetime | None = None

    # Counts against its owner's quota.
    charged: bool | None = None

    # The kept sums that it counts in, and whether it has changed since (``sums.py``).
    summed: dict[str, str] | None = None
    unsummed: bool | None = None

    deleted_at: datetime | None = None
    purge_at: datetime | None = None
    # From here there is no way back.
    purge_began_at: datetime | None = None
    purged_at: datetime | None = None

    # The removal of the object of a DUPLICATE began: no content may use that object from now on.
    discarded_at: datetime | None = None
    # More names than one transaction corrects still have another file as ``duplicate_of``.
    unfollowed: bool | None = None

    # Beanie looks at each read of a field whether it is still to be parsed. Ours never are, and a request
    # reads some hundred.
    __getattribute__ = object.__getattribute__

    class Settings:
        name = FILES
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            # The first COMPLETED of a content wins; deletion frees the content.
            pymongo.IndexModel(
                [("owner", 1), ("sha256", 1)],
                name="content",
                unique=True,
                partialFilterExpression={"status": Status.COMPLETED.value, "deleted_at": None},
            ),
            # The other names of a content. They cost DUPLICATE files alone.
            _partial("names", NAMES, owner=1, sha256=1, created_at=1, _id=1),
            _partial("names_by_name", NAMES, owner=1, sha256=1, name=1, content_type=1, folder=1),
            _partial("names_in_trash", TRASH, owner=1, sha256=1, status=1, purge_at=1),
            _partial("unfollowed", {"unfollowed": True}, owner=1),
            # An object belongs to one file, which may not be the one whose id is in its key.
            pymongo.IndexModel([("object_key", 1)], name="object_key"),
            _partial("newest", {"deleted_at": None}, owner=1, created_at=-1, _id=-1),
            # With the names, for searches of any part of them.
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
            # Searched names and sizes: with the status, so that files of another are passed over unfetched,
            # and counts are read from the index alone, which takes ``deleted_at`` too.
            _partial(
                "by_search",
                {"deleted_at": None},
                **{"owner": 1, "name_search": 1, "_id": 1, "status": 1, "deleted_at": 1},
            ),
            _partial("largest", {"deleted_at": None}, owner=1, size=-1, _id=-1, status=1, deleted_at=1),
            # Of one folder without those in it, and of one pair of metadata.
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
            # A trash may hold millions. These cost deletions alone.
            _partial("trash", TRASH, owner=1, created_at=-1, _id=-1),
            _partial("trash_by_name", TRASH, owner=1, name=1, _id=1, status=1),
            _partial("trash_largest", TRASH, owner=1, size=-1, _id=-1, status=1),
            _partial("expiring", {"expire_at": {"$exists": True}}, expire_at=1),
            # Each kind of job has its own, so that neither is searched for behind the other.
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
        """How the file is cut into parts; None where one PUT carries it."""
        return None if self.part_size is None else PartPlan(self.size, self.part_size)

    @property
    def key(self) -> FileId:
        """The id of a stored file, which Beanie takes to be optional."""
        assert self.id is not None  # noqa: S101  # set by ``new_id`` or read from the database
        return self.id

    @property
    def file_id(self) -> str:
        """The id as clients know it: 24 hexadecimal digits."""
        return str(self.id)
