"""Whether the bucket of a service has one object for each content, and no other, once nothing is due."""

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.actors.conftest import open_bucket
from tests.faults.records import records
from tests.service import Service
from tests.waiting import until

PAST = datetime(2000, 1, 1, tzinfo=UTC)

#: Seconds until all that is due must be done.
SECONDS = 120


@dataclass(frozen=True)
class Held:
    """The records of a service beside its bucket."""

    files: int
    contents: int
    objects: int
    too_many: Set[str]
    too_few: Set[str]
    problems: list[str]

    def __str__(self) -> str:
        return (
            f"{self.files} files, {self.contents} contents, {self.objects} objects, "
            f"{len(self.too_many)} too many, {len(self.too_few)} too few, {len(self.problems)} problems"
        )


async def check_contents(service: Service) -> str:
    """Let time pass until nothing is due, and check that each content has one holder and one object.

    Then empty the trash and check again. Uploads that are open or being verified must be over.

    Returns:
        The figures of both checks.
    """
    held = await _right(service, with_trash=True)
    return f"{held}; without the trash: {await _right(service, with_trash=False)}"


async def _right(service: Service, *, with_trash: bool) -> Held:
    found: Held | None = None

    async def right() -> Held | None:
        nonlocal found
        await _pass_time(service, with_trash=with_trash)
        found = await compare(service, with_trash=with_trash)
        return None if found.too_many or found.too_few or found.problems else found

    held = await until(right, lambda: f"{found!r}", SECONDS)
    assert held is not None
    return held


async def _pass_time(service: Service, *, with_trash: bool) -> None:
    """Make all jobs due; with ``with_trash``, not those of the trash."""
    trash = {"deleted_at": {"$exists": True}, "purge_began_at": None, "purge_at": {"$gt": datetime.now(UTC)}}
    others = {"$nor": [trash]} if with_trash else {}
    with records(service) as files:
        await files.update_many({"purge_at": {"$gt": PAST}, **others}, {"$set": {"purge_at": PAST}})
        await files.update_many({"look_at": {"$gt": PAST}}, {"$set": {"look_at": PAST}})
        await files.update_many({"due_at": {"$gt": PAST}, **others}, {"$set": {"due_at": PAST}})


async def compare(service: Service, *, with_trash: bool = True) -> Held:
    """Compare names of contents with the bucket, as they are now: all of them, or those not in the trash."""
    names: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    files = 0
    problems: list[str] = []
    may_have_objects: set[str] = set()
    with records(service) as collection:
        async for file in collection.find({} if with_trash else {"deleted_at": None}):
            files += 1
            if file["status"] in {"COMPLETED", "DUPLICATE"} and "purge_began_at" not in file:
                names[file["owner"], file["sha256"]].append(file)
            elif file["status"] in {"PENDING", "PROCESSING"} and "deleted_at" not in file:
                problems.append(f"{file['_id']} is {file['status']}")
            if "deleted_at" in file and "purge_began_at" not in file:
                # Restored, it needs what has arrived, or looks at what it was verified by.
                may_have_objects.add(file["object_key"])
    holding: list[str] = []
    for content, found in names.items():
        holders = [file for file in found if file["status"] == "COMPLETED"]
        living = [file for file in found if "deleted_at" not in file]
        living_holders = [file for file in holders if "deleted_at" not in file]
        if not holders or (living and len(living_holders) != 1):
            problems.append(f"{len(living_holders)} of {len(living)} living names hold {content}: {found}")
        problems += [
            f"{file['_id']} is not a duplicate of {living_holders[0]['_id']}"
            for file in living
            if living_holders
            and file["status"] == "DUPLICATE"
            and file.get("duplicate_of") != living_holders[0]["_id"]
        ]
        holding += [file["object_key"] for file in holders]
    if len(holding) != len(set(holding)):
        problems.append("two files have one object")
    async for bucket in open_bucket(service):
        keys = await bucket.keys()
    return Held(
        files, len(names), len(keys), keys - set(holding) - may_have_objects, set(holding) - keys, problems
    )
