"""A model of one owner's files: random operations on them, and what must hold after each."""

import asyncio
import hashlib
import itertools
import uuid
from collections import Counter
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from tests.contents import PAST
from tests.faults.jobs import send_again
from tests.faults.records import records
from tests.parity.attributes import FOLDERS, changed, changed_attributes, given_attributes, made_of
from tests.parity.turns import Turns
from tests.service import Service
from tests.uploads import purged, put, settled
from waybill.files.model import FileId
from waybill.platform.redis.messages import PURGE_OBJECT

CONTENTS = [b"", b"one", b"two" * 1000]
STORED = {"COMPLETED", "DUPLICATE"}
MAY_FOLLOW = {
    "PENDING": {"PENDING", "PROCESSING", "COMPLETED", "DUPLICATE"},
    "PROCESSING": {"PROCESSING", "COMPLETED", "DUPLICATE"},
    "COMPLETED": {"COMPLETED"},
    # It holds the content once the file that did so is deleted.
    "DUPLICATE": {"DUPLICATE", "COMPLETED"},
}


def machine_for(service: Service) -> tuple[type[RuleBasedStateMachine], Counter[str]]:
    """A state machine whose every example is an owner of its own, and what its examples have done."""
    counted: Counter[str] = Counter()
    has_trash = service.settings.purge_delay > 0

    class Uploads(RuleBasedStateMachine):
        files = Bundle("files")
        gone = Bundle("gone")

        def __init__(self) -> None:
            super().__init__()
            owner = uuid.uuid4()  # not of `random`, which Hypothesis repeats
            self.turns = Turns(service, f"machine-{owner}")
            self.folders = itertools.cycle(FOLDERS)
            self.is_kept = owner.int % 2 == 0
            self.seen: dict[str, dict[str, Any]] = {}
            self.contents: dict[str, bytes] = {}
            self.attributes: dict[str, dict[str, Any]] = {}
            self.uploads: dict[str, dict[str, Any]] = {}
            self.sent: set[str] = set()
            self.deleted: set[str] = set()
            self.purged: set[str] = set()
            counted["examples"] += 1

        @initialize(target=files, content=st.sampled_from(CONTENTS), given=given_attributes)
        def begin(self, content: bytes, given: dict[str, Any]) -> Any:
            return self.store(content, given)

        @rule(target=files, content=st.sampled_from(CONTENTS), given=given_attributes)
        def store(self, content: bytes, given: dict[str, Any]) -> str:
            file_id = self.request_new(content, given)
            self.send(file_id)
            self.complete(file_id)
            self.turns.run(settled(self.turns.api, file_id))
            return file_id

        @rule(target=files, content=st.sampled_from(CONTENTS), given=given_attributes)
        def request(self, content: bytes, given: dict[str, Any]) -> str:
            return self.request_new(content, given)

        def request_new(self, content: bytes, given: dict[str, Any], **declared: str) -> str:
            answer = self.turns.done(self.turns.api.request(**given, **declared, size=len(content)))
            file_id: str = answer["file"]["id"]
            attributes = made_of(given)
            if answer["upload"] is not None:
                assert file_id not in self.contents
                self.uploads[file_id] = answer["upload"]
            elif file_id in self.contents:
                counted["same name requested"] += 1
                assert self.contents[file_id] == content
                place = ("name", "contentType", "folder")
                assert all(self.attributes[file_id][each] == attributes[each] for each in place)
                return file_id
            self.contents[file_id] = content
            self.attributes[file_id] = attributes
            return file_id

        @rule(target=files, content=st.sampled_from(CONTENTS), given=given_attributes)
        def declare(self, content: bytes, given: dict[str, Any]) -> str:
            """Nothing is sent if, and only if, a living file has the content."""
            sha256 = hashlib.sha256(content).hexdigest()
            was_there = self.is_stored(sha256)
            file_id = self.request_new(content, given, sha256=sha256)
            is_sent = file_id in self.uploads and file_id not in self.seen
            counted["names added"] += not is_sent and file_id not in self.seen
            assert not (is_sent and was_there)
            assert is_sent or self.is_stored(sha256)
            return file_id

        def is_stored(self, sha256: str) -> bool:
            return any(file["sha256"] == sha256 for file in self.living_stored())

        @rule(file_id=files | gone)
        def send(self, file_id: str) -> None:
            if file_id not in self.uploads:
                return
            code = self.turns.run(put(self.uploads[file_id], self.contents[file_id])).status_code
            if file_id not in self.sent and file_id not in self.deleted:
                assert code == 200
            elif file_id not in self.deleted and self.seen[file_id]["status"] != "DUPLICATE":
                assert code in {412, 200}
            if code == 200:
                self.sent.add(file_id)

        @rule(file_id=files | gone)
        def complete(self, file_id: str) -> None:
            code = self.turns.run(self.turns.api.complete(file_id)).code
            if file_id in self.deleted:
                assert code == "wrong_state"
            elif file_id in self.sent or file_id not in self.uploads:
                assert code is None
            else:
                assert code == "object_missing"

        @rule(target=gone, file_id=consumes(files))
        def delete(self, file_id: str) -> str:
            assert self.turns.done(self.turns.api.delete(file_id))["deletedAt"] is not None
            self.deleted.add(file_id)
            self.seen.pop(file_id, None)
            return file_id

        @rule(target=files, file_id=consumes(gone))
        def restore(self, file_id: str) -> Any:
            outcome = self.turns.run(self.turns.api.restore(file_id))
            if file_id not in self.deleted:
                assert outcome.code is None
                return multiple()
            if outcome.code is None:
                counted["restored"] += 1
                assert file_id not in self.purged
                self.deleted.discard(file_id)
                return file_id
            counted["not restored"] += 1
            assert outcome.code == "wrong_state"
            assert not has_trash or file_id in self.purged
            return multiple()

        @rule(file_id=gone)
        def purge(self, file_id: str) -> None:
            """The time in the trash is over."""
            if file_id not in self.deleted:
                return
            self.turns.run(self.empty_trash([file_id]))
            counted["purged"] += 1

        async def empty_trash(self, ids: list[str]) -> None:
            if has_trash:
                these = {"_id": {"$in": [FileId(each) for each in ids]}, "deleted_at": {"$exists": True}}
                with records(service) as files:
                    await files.update_many(these, {"$set": {"purge_at": PAST, "due_at": PAST}})
                for each in ids:
                    await asyncio.to_thread(send_again, service, PURGE_OBJECT, each)
            for each in ids:
                await purged(self.turns.api, each)
            self.purged |= set(ids)

        @rule(
            file_id=files | gone,
            changes=changed_attributes,
            match=st.sampled_from(["none", "right", "wrong"]),
        )
        def update(self, file_id: str, changes: dict[str, Any], match: str) -> None:
            etag = self.turns.run(self.turns.api.etag(file_id))
            if_match = {"none": None, "right": etag, "wrong": '"wrong"'}[match]
            outcome = self.turns.run(self.turns.api.update(file_id, if_match=if_match, **changes))
            counted["updates"] += outcome.code is None
            if file_id in self.deleted:
                assert outcome.code == "wrong_state"
            elif match == "wrong":
                assert outcome.code == "precondition_failed"
            elif outcome.code is not None:
                # A worker has changed the file since its ETag was read.
                assert (outcome.code, match) == ("precondition_failed", "right")
                assert self.turns.run(self.turns.api.etag(file_id)) != etag
            else:
                self.attributes[file_id] = changed(self.attributes[file_id], changes)

        def is_downloadable(self, file_id: str) -> bool:
            """Whether a file can be downloaded; what comes is its content, under its name and type."""
            outcome = self.turns.run(self.turns.api.download(file_id))
            if outcome.code is not None:
                assert outcome.code == "wrong_state"
                return False
            response = httpx.get(outcome.data["url"])
            assert response.content == self.contents[file_id]
            attributes = self.attributes[file_id]
            assert response.headers["content-type"] == attributes["contentType"]
            name = attributes["name"].replace(" ", "%20").replace("é", "%C3%A9")
            assert name in response.headers["content-disposition"].replace('"', "")
            return True

        def living_stored(self) -> list[dict[str, Any]]:
            return [file for file in self.turns.settled_list() if file["status"] in STORED]

        @invariant()
        def files_are_as_they_were_made_and_statuses_follow_the_arrows(self) -> None:
            counted["steps"] += 1
            listed = self.turns.settled_list()
            assert {file["id"] for file in listed} == self.contents.keys() - self.deleted
            for file in listed:
                before = self.seen.get(file["id"], file)
                assert file["status"] in MAY_FOLLOW[before["status"]]
                assert file["purgedAt"] is None
                assert file | self.attributes[file["id"]] == file
                if file["status"] in STORED:
                    assert file["sha256"] == hashlib.sha256(self.contents[file["id"]]).hexdigest()
                self.seen[file["id"]] = file
            self.check_names([file for file in listed if file["status"] in STORED])

        def check_names(self, stored: list[dict[str, Any]]) -> None:
            """One name holds each content, the others lead to it, and all can be downloaded."""
            holders = {file["sha256"]: file["id"] for file in stored if file["status"] == "COMPLETED"}
            assert len(holders) == sum(file["status"] == "COMPLETED" for file in stored)
            for file in stored:
                expected = None if file["status"] == "COMPLETED" else holders[file["sha256"]]
                assert file["duplicateOf"] == expected
                assert self.is_downloadable(file["id"])
            assert not any(self.is_downloadable(file_id) for file_id in self.deleted)

        @invariant()
        def a_folder_and_a_pair_find_their_files(self) -> None:
            """Of one folder after each step, in turn."""
            folder = next(self.folders)
            living = {file_id: self.attributes[file_id] for file_id in self.contents.keys() - self.deleted}
            inside = {file_id for file_id, each in living.items() if each["folder"] == folder}
            assert {file["id"] for file in self.turns.listed(folder=folder)} == inside
            below = {file_id for file_id, each in living.items() if each["folder"].startswith(folder)}
            assert {file["id"] for file in self.turns.listed(folder=folder, recursive=True)} == below
            paths = {living[file_id]["folder"].removeprefix(folder) for file_id in below} - {""}
            folders = self.turns.done(self.turns.api.folders(folder=folder))["items"]
            assert folders == sorted({f"{folder}{path.partition('/')[0]}/" for path in paths})
            having = {file_id for file_id, each in living.items() if each["metadata"].get("k") == "2=é"}
            assert {file["id"] for file in self.turns.listed(metadata={"k": "2=é"})} == having

        @invariant()
        def sums_count_each_content_once(self) -> None:
            """A worker may finish a file at any moment, so until nothing changed between two lists."""
            files = [*self.seen.values()]
            while True:
                usage = self.turns.done(self.turns.api.usage())
                page = self.turns.done(self.turns.api.list(limit=100, totalCount=True))
                before, files = files, page["items"]
                if {file["id"]: file["status"] for file in before} == {
                    file["id"]: file["status"] for file in files
                }:
                    break
            assert page["total"] == len(files)
            contents = {file["sha256"]: file["size"] for file in files if file["status"] in STORED}
            reserved = [file["size"] for file in files if file["status"] in {"PENDING", "PROCESSING"}]
            assert usage == {
                "used": sum(contents.values()),
                "reserved": sum(reserved),
                "files": len(contents),
                "limit": None,
            }

        def teardown(self) -> None:
            """End all uploads; delete every file of half of the owners, and no object stays."""
            if not self.is_kept:
                links = [
                    self.turns.done(self.turns.api.download(file["id"]))["url"]
                    for file in self.living_stored()
                ]
            for file in self.turns.listed():
                if not self.is_kept or (file["status"] == "PENDING" and file["id"] not in self.sent):
                    self.turns.done(self.turns.api.delete(file["id"]))
                    self.deleted.add(file["id"])
                elif file["status"] == "PENDING":
                    self.turns.done(self.turns.api.complete(file["id"]))
            for file in self.turns.listed():
                assert self.turns.run(settled(self.turns.api, file["id"]))["status"] in STORED
            counted["files"] += len(self.contents)
            if not self.is_kept:
                self.turns.run(self.empty_trash([*self.deleted]))
                assert [httpx.get(link).status_code for link in links] == [404] * len(links)
            self.turns.close()

    return Uploads, counted
