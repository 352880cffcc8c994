"""Walk through all files in the background, and correct their sums, quotas, contents and searched names.

It finds files of releases without sums, of a time without a quota, and files that an older release changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pymongo
from pymongo import UpdateOne

from waybill.files.earlier_names import FIELDS as NAME_FIELDS
from waybill.files.earlier_names import renew_names
from waybill.files.name_search import search_form
from waybill.files.usage.laps import find_lap, move_on
from waybill.files.usage.quota import mark_left, needs_mark
from waybill.files.usage.sums import FIELDS, FOLD_FILES, FOLD_SECONDS, fold, is_file, is_summed
from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS, files_collection
from waybill.platform.mongo.errors import map_driver_errors

#: Files that are read at a time.
BATCH_FILES = 2 * FOLD_FILES


async def walk_on(*, has_quota: bool) -> bool:
    """Look through the next batch of files, if a lap is due. With a quota, mark the files of large owners.

    A crash at any point, or a second worker that walks, is harmless, because each step reads the current
    state.

    Returns:
        Whether a lap was due.

    Raises:
        ServiceUnavailable: MongoDB is unavailable. The walk resumes at the same place.
    """
    lap = await find_lap()
    if lap is None:
        return False
    query = {} if lap.after is None else {"_id": {"$gt": lap.after}}
    with map_driver_errors(), pymongo.timeout(FOLD_SECONDS):
        found = (
            await files_collection()
            .find(query, [*FIELDS, *NAME_FIELDS, "charged", "name", "name_search"])
            .sort("_id", 1)
            .limit(BATCH_FILES)
            .to_list(None)
        )
    files = [file for file in found if is_file(file)]
    await _add_searched_names([file for file in files if file.get("name_search") is None])
    behind = [file["_id"] for file in files if not file.get("unsummed") and not is_summed(file)]
    for start in range(0, len(behind), FOLD_FILES):
        await fold(behind[start : start + FOLD_FILES])
    if has_quota:
        await mark_left([file for file in files if needs_mark(file)])
    await renew_names(files)
    await move_on(lap, found[-1]["_id"] if len(found) == BATCH_FILES else None)
    return True


async def _add_searched_names(files: Sequence[Mapping[str, Any]]) -> None:
    """Store the searched form of names that an older release stored, unless they have changed since."""
    updates = [
        UpdateOne(
            {"_id": file["_id"], "owner": file["owner"], "name": file["name"]},
            {"$set": {"name_search": search_form(file["name"])}},
        )
        for file in files
        if isinstance(file.get("name"), str)
    ]
    if updates:
        with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
            await files_collection().bulk_write(updates, ordered=False)
