"""The indexes, out of the documents that declare them."""

import json
from typing import Any

from docs.generators.markdown import StaleError, code, table
from waybill.indexes import DOCUMENTS

#: What each is there for. MongoDB makes that of _id by itself.
SERVES = {
    "files": {
        "content": "One COMPLETED file of a content per owner: decides who is first, and finds it.",
        "names": "The other names of a content, the oldest first. Costs DUPLICATE files alone.",
        "names_by_name": "The name that a request with a known SHA-256 means. Costs DUPLICATE files alone.",
        "names_in_trash": "Names of a content that can be restored, the longest last. Costs deletions alone.",
        "unfollowed": "Contents that have changed hands, with names to correct. Holds no other files.",
        "object_key": "The file that an object belongs to: orphans, the store's events, `doctor --deep`.",
        "newest": "Lists by time, and counts by time.",
        "by_name": "Lists by name, and counts by name.",
        "largest": "Lists by size, and other counts.",
        "newest_by_status": "Lists of one or several statuses, by time; a look at files from before a quota.",
        "trash": "Lists and counts of what is deleted, by time.",
        "trash_by_name": "Lists of what is deleted, by name. Costs deletions alone.",
        "trash_largest": "Lists of what is deleted, by size. Costs deletions alone.",
        "expiring": "The sweeper that gives up on uploads. Holds no other files.",
        "verifying": "Each owner's files that wait for verification. Holds no other files.",
        "purging": "The reconciler: purges. Holds no other files.",
        "unsummed": "Files whose last change is not in the kept sums yet. Holds no other files.",
    },
    "part_sha256s": {
        "parts": "The checksums of a file's parts, when they are put together.",
        "old": "Removed by MongoDB after two weeks.",
    },
    "idempotency_keys": {"old": "Removed by MongoDB after a day."},
    "owners": {},
    "webhooks": {
        "slots": "How many webhooks an owner may have, and which.",
        "earliest": "Where the feed of changes must be read from, if at all.",
    },
    "webhook_deliveries": {
        "newest": "The deliveries of a webhook, by time.",
        "newest_by_status": "Those of one or several statuses.",
        "due_by_webhook": "The reconciler: attempts owed, leases that ran out. Holds no others.",
        "waiting": "What comes next where a webhook's turns were all taken.",
        "old": "Removed by MongoDB after thirty days.",
    },
    "followers": {},
    "sums": {"largest": "`usage`, its history and `totalCount`: the sums of an owner."},
    "laps": {},
}


def render() -> str:
    """Every index of every collection.

    Raises:
        StaleError: one is not told of here, or is told of and not there.
    """
    rows = []
    for document in DOCUMENTS:
        collection = document.Settings.name
        made = {index.document["name"]: index.document for index in document.Settings.indexes}
        told = SERVES.get(collection, {})
        if made.keys() != told.keys():
            raise StaleError(
                f"indexes of {collection}: {sorted(made.keys() ^ told.keys())} stand in one place only"
            )
        rows += [
            (code(f"{collection}.{name}"), _keys(index), _condition(index), told[name])
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
