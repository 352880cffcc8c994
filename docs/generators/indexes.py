"""The indexes, out of the documents that declare them."""

import json
from typing import Any

from docs.generators.markdown import StaleError, code, table
from waybill.indexes import DOCUMENTS

#: The purpose of each index. MongoDB itself creates the index on _id.
SERVES = {
    "files": {
        "content": "Ensures that one COMPLETED file per owner holds a content, and finds it.",
        "names": "The other names of a content, oldest first. Contains only DUPLICATE files.",
        "names_by_name": "The name that matches a request with a known SHA-256. Contains only DUPLICATEs.",
        "names_in_trash": "Names of a content in the trash, by time of purge. Contains only deleted files.",
        "unfollowed": "Holders of a content whose other names must be corrected. Contains only these.",
        "object_key": "The file of an object: `orphans`, the store's events, `doctor --deep`.",
        "newest": "Lists by time, and counts by time.",
        "newest_with_search": "Searches of names in lists by time.",
        "by_name_with_search": "Lists by name, and searches of names in them.",
        "by_search": "Files whose names begin with a text, and counts of them.",
        "largest": "Lists by size, and other counts.",
        "newest_in_folder": "Lists and counts of one folder, by time.",
        "by_name_in_folder": "Lists of one folder, by name.",
        "newest_by_metadata": "Lists of a pair of metadata, by time. Contains only files with metadata.",
        "newest_by_status": "Lists of one or several statuses, by time; files that are older than a quota.",
        "trash": "Lists and counts of the trash, by time.",
        "trash_by_name": "Lists of the trash, by name. Contains only deleted files.",
        "trash_largest": "Lists of the trash, by size. Contains only deleted files.",
        "expiring": "The sweeper that expires uploads. Contains only open uploads.",
        "verifying": "Each owner's files that wait for verification. Contains no other files.",
        "purging": "The reconciler: purges. Contains only files to purge.",
        "unsummed": "Files whose last change is not in the stored sums yet. Contains no other files.",
    },
    "part_sha256s": {
        "parts": "The checksums of a file's parts, to complete the upload.",
        "old": "Removed by MongoDB after two weeks.",
    },
    "idempotency_keys": {"old": "Removed by MongoDB after a day."},
    "operations": {
        "slots": "The open operations of an owner, and their maximum number. Contains only open ones.",
        "due": "The reconciler, and the first operation of an owner. Contains only open ones.",
        "old": "Removed by MongoDB seven days after their end.",
    },
    "owners": {},
    "webhooks": {
        "slots": "The webhooks of an owner, and their maximum number.",
        "earliest": "The position at which reading of the change stream must start.",
    },
    "webhook_deliveries": {
        "newest": "The deliveries of a webhook, by time.",
        "newest_by_status": "The deliveries of one or several statuses, by time.",
        "due_by_webhook": "The reconciler: attempts that are due, ended leases. Contains only these.",
        "waiting": "The next delivery of a webhook that had reached its limit of concurrent deliveries.",
        "old": "Removed by MongoDB after thirty days.",
    },
    "followers": {},
    "sums": {"largest": "`usage`, its history and `totalCount`: the sums of an owner."},
    "laps": {},
}


def render() -> str:
    """Every index of every collection.

    Raises:
        StaleError: an index is not described here, or is described and does not exist.
    """
    rows = []
    for document in DOCUMENTS:
        collection = document.Settings.name
        made = {index.document["name"]: index.document for index in document.Settings.indexes}
        described = SERVES.get(collection, {})
        if made.keys() != described.keys():
            raise StaleError(
                f"indexes of {collection}: {sorted(made.keys() ^ described.keys())} are in one place only"
            )
        rows += [
            (code(f"{collection}.{name}"), _keys(index), _condition(index), described[name])
            for name, index in made.items()
        ]
    return table(("index", "keys", "of which documents", "serves"), rows)


def _keys(index: Any) -> str:
    return code(json.dumps(dict(index["key"]))) + (", unique" if index.get("unique") else "")


def _condition(index: Any) -> str:
    if "expireAfterSeconds" in index:
        return f"all, for {index['expireAfterSeconds']} s"
    condition = index.get("partialFilterExpression")
    return "all" if condition is None else code(json.dumps(condition))
