"""Repair names that an older release left without an object, or without a file that holds their content."""

from collections.abc import Mapping, Sequence
from typing import Any

from waybill.files.contents import HOLDER, HolderGoneError, become_name, find_holder
from waybill.files.handover import promote_in_place_of_deleted
from waybill.files.lifecycle import Status
from waybill.files.model import NAMES, File
from waybill.files.repository import find_one
from waybill.files.transitions import change
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW

#: The fields that the walk reads for this.
FIELDS = ("sha256", "duplicate_of", "purge_began_at", "purged_at")

#: An older release removed the object of a name, as of a file that is no longer needed.
_NOT_PURGED: Mapping[str, Any] = {"purge_began_at": None, "purged_at": None}


async def renew_names(files: Sequence[Mapping[str, Any]]) -> None:
    """Repair each undeleted name among some files: let it name the file that holds its content.

    That file then knows of other names.

    If no file holds its content, the name is verified again: it becomes COMPLETED if its own object exists,
    and FAILED after several looks if not.
    """
    names = [each for each in files if each["status"] == NAMES["status"] and each.get("deleted_at") is None]
    holders = await _living([each.get("duplicate_of") for each in names])
    for each in names:
        is_led = holders.get(each.get("duplicate_of")) == (each["owner"], each.get("sha256"))
        if not is_led or any(each.get(name) for name in _NOT_PURGED):
            await _renew(each)


async def _living(ids: Sequence[Any]) -> dict[Any, tuple[str, str]]:
    with map_driver_errors():
        # A holder without the mark was never touched: its deletion would not look for other names.
        query = {"_id": {"$in": ids}, **HOLDER, "duplicated_at": {"$exists": True}}
        found = await files_collection().find(query, ["owner", "sha256"]).to_list(None) if ids else []
    return {each["_id"]: (each["owner"], each["sha256"]) for each in found}


async def _renew(each: Mapping[str, Any]) -> None:
    with map_driver_errors():
        name = await find_one({"_id": each["_id"], "owner": each["owner"], **NAMES})
    if name is None or await promote_in_place_of_deleted(name):
        return
    changes: dict[str, Any] = {}
    if name.purge_began_at is not None:
        # Its object is removed, or will be.
        changes = {**_NOT_PURGED, "etag": None, "discarded_at": NOW}
    holder = await find_holder(name.owner, name.sha256)
    try:
        if holder is not None:
            await become_name(name, holder, **changes)
            return
    except HolderGoneError:
        return  # the next lap finds the next one
    await _verify_again(name)


async def _verify_again(name: File) -> None:
    none = {"duplicate_of": None, "sha256": None, "purge_at": None, "discarded_at": None, **_NOT_PURGED}
    await change(name, NAMES, status=Status.PROCESSING, due_at=NOW, **none)
