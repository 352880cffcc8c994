"""Lists of an owner with two million files: each filter with each sort, alone and while files are inserted.

`python -m bench.lists [FILES]` prints a table: milliseconds of a first page and of those that follow it, as a
client on this machine measures them, and documents and index keys that MongoDB examined for the worst page.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pymongo
from pymongo.database import Database

from bench.millions import FILES, OWNER, RARE_BYTES, RARE_NAME, RARE_TYPE, fill, generated, make_indexes
from bench.stand import api_alone
from stack.stack import Stack
from tests.service import Service

PAGES = 8
INSERTED_PER_SECOND = 1000
INSERTED_AT_A_TIME = 50

SORTS = ("createdAt", "name", "size")
ORDERS = ("asc", "desc")
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "status=COMPLETED": {"status": "COMPLETED"},
    "status=FAILED": {"status": "FAILED"},
    "status=FAILED, EXPIRED": {"status": ["FAILED", "EXPIRED"]},
    "status=PENDING (none has it)": {"status": "PENDING"},
    "name=zebra- (rare)": {"name": RARE_NAME},
    "name=holiday- (an eighth)": {"name": "holiday-"},
    "q=EBRA (rare)": {"q": RARE_NAME[1:-1].upper()},
    "q=day- (an eighth)": {"q": "day-"},
    "folder (a month)": {"folder": f"photos/{datetime.now(UTC) - timedelta(days=40):%Y/%m}/"},
    "recursive (all)": {"folder": "photos/", "recursive": True},
    "metadata (a thousand)": {"metadata.batch": "7", "metadata.source": "camera"},
    "contentType=model/step (rare)": {"contentType": RARE_TYPE},
    "contentType=audio/* (none)": {"contentType": "audio/*"},
    "contentType=image/*": {"contentType": "image/*"},
    "minSize=1 TiB (rare)": {"minSize": RARE_BYTES},
    "maxSize=100 KiB": {"maxSize": 102400},
    "createdAfter (a day)": {"createdAfter": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
    "all of them": {
        **{"status": ["FAILED", "EXPIRED"], "name": "report-", "contentType": "image/png"},
        **{"minSize": 10**8, "createdAfter": "2020-01-01T00:00:00Z"},
    },
}
HEADER = (
    "| filter | sort | first page | following | examined | first page, while inserting | following |\n"
    "|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Fill, measure, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder)) as stack,
        api_alone(stack, log_level="ERROR") as service,
        pymongo.MongoClient[dict[str, Any]](
            service.settings.mongodb_url.get_secret_value(), tz_aware=True
        ) as client,
    ):
        database = client[service.settings.mongodb_database]
        # Without indexes, which are made faster afterwards.
        database["files"].drop_indexes()
        fill(database["files"], count)
        asyncio.run(make_indexes(service.settings.mongodb_url.get_secret_value(), database.name))
        print(f"{count:,} files of one owner; p50 / max of {PAGES} pages of 20, in ms.\n", flush=True)
        cases = list(itertools.product(FILTERS, (False, True), SORTS, ORDERS))
        quiet = [_measure(service, database, *case) for case in cases]
        with inserting(database):
            busy = [_measure(service, None, *case) for case in cases]
        print(HEADER)
        for (name, deleted, sort, order), before, meanwhile in zip(cases, quiet, busy, strict=True):
            where = " in the trash" if deleted else ""
            print(f"| {name}{where} | {sort} {order} | {before} | {meanwhile} |")


def _measure(service: Service, database: Database[Any] | None, name: str, *case: Any) -> str:
    """The times of a first page and of those that follow, as cells of the table."""
    deleted, sort, order = case
    asked = {**FILTERS[name], "sort": sort, "order": order, **({"deleted": "true"} if deleted else {})}
    headers = {"Authorization": f"Bearer {service.token(OWNER)}"}
    first: list[float] = []
    following: list[float] = []
    if database is not None:
        database.command("profile", 0)
        database.drop_collection("system.profile")
        database.create_collection("system.profile", capped=True, size=16 * 2**20)
        database.command("profile", 2)
    with httpx.Client(base_url=service.address, headers=headers, timeout=60) as client:
        cursor = None
        for _ in range(PAGES):
            first.append(_timed(client, asked)[0])
        cursor = _timed(client, asked)[1]
        while cursor is not None and len(following) < PAGES:
            taken, cursor = _timed(client, {**asked, "cursor": cursor})
            following.append(taken)
    cells = [_cell(first), _cell(following)]
    if database is not None:
        database.command("profile", 0)
        spent = list(database["system.profile"].find({"op": "query", "command.find": "files"}))
        cells.append(
            f"{max(each['docsExamined'] for each in spent):,} files, "
            f"{max(each['keysExamined'] for each in spent):,} keys a query, "
            f"{len(spent) / (PAGES + 1 + len(following)):.0f} queries a page"
        )
    return " | ".join(cells)


def _timed(client: httpx.Client, asked: dict[str, Any]) -> tuple[float, str | None]:
    began = time.perf_counter()
    answer = client.get("/api/v1/files", params=asked).raise_for_status().json()
    return (time.perf_counter() - began) * 1000, answer["nextCursor"]


def _cell(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} / {max(times):.0f}" if times else ""


@contextmanager
def inserting(database: Database[Any]) -> Iterator[None]:
    """Insert files of the same owner in another thread, a thousand a second."""
    is_over = threading.Event()

    def insert() -> None:
        found = generated(OWNER, 10**7, datetime.now(UTC))
        began = time.monotonic()
        for number in itertools.count(1):
            batch = [{**file, "created_at": datetime.now(UTC)} for file in islice(found, INSERTED_AT_A_TIME)]
            database["files"].insert_many(batch, ordered=False)
            due = began + number * INSERTED_AT_A_TIME / INSERTED_PER_SECOND
            if is_over.wait(max(0, due - time.monotonic())):
                return

    thread = threading.Thread(target=insert)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


if __name__ == "__main__":
    main()
