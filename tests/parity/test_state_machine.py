"""Random sequences of operations, through both faces in turn; what must always hold, checked after each."""

import hashlib
import uuid
from functools import partial
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.service import Service
from tests.waiting import wait_until

CONTENTS = [b"", b"one", b"two", b"three" * 1000]
NAMES = ["a", "b", "c"]
STORED = {"COMPLETED", "DUPLICATE"}
MAY_FOLLOW = {
    "PENDING": {"PENDING", "PROCESSING", "COMPLETED", "DUPLICATE"},
    "PROCESSING": {"PROCESSING", "COMPLETED", "DUPLICATE"},
    "COMPLETED": {"COMPLETED"},
    # It holds the content once the file that did so is deleted.
    "DUPLICATE": {"DUPLICATE", "COMPLETED"},
}
USAGE_BETWEEN_LISTS = ("/files?limit=100", "/usage", "/files?limit=100&totalCount=true")


def machine_for(service: Service) -> type[RuleBasedStateMachine]:
    """A state machine whose every example is an owner of its own."""

    class Uploads(RuleBasedStateMachine):
        files = Bundle("files")

        def __init__(self) -> None:
            super().__init__()
            owner = f"machine-{uuid.uuid4()}"  # not of `random`, which Hypothesis repeats
            headers = {"Authorization": f"Bearer {service.token(owner)}"}
            self.http = httpx.Client(base_url=f"{service.address}/api/v1", headers=headers, timeout=30)
            self.seen: dict[str, dict[str, Any]] = {}
            self.contents: dict[str, bytes] = {}
            self.uploads: dict[str, dict[str, Any]] = {}
            self.sent: set[str] = set()
            self.deleted: set[str] = set()

        @rule(
            target=files,
            content=st.sampled_from(CONTENTS),
            name=st.sampled_from(NAMES),
            declared=st.booleans(),
        )
        def request(self, content: bytes, name: str, declared: bool) -> str:
            body: dict[str, Any] = {"name": name, "size": len(content)}
            if declared:
                body["sha256"] = hashlib.sha256(content).hexdigest()
            response = self.http.post("/files/upload-request", json=body)
            answer = response.json()
            file_id: str = answer["file"]["id"]
            if answer["upload"] is None:
                assert declared
                assert answer["file"]["status"] in STORED
                assert answer["file"]["name"] == name
                assert file_id not in self.deleted
            else:
                assert file_id not in self.contents
                self.uploads[file_id] = answer["upload"]
            assert self.contents.setdefault(file_id, content) == content
            return file_id

        @rule(file_id=files)
        def send(self, file_id: str) -> None:
            upload = self.uploads.get(file_id)
            if upload is None:
                return
            content = self.contents[file_id]
            response = httpx.put(upload["url"], headers=upload["headers"], content=content)
            if file_id not in self.sent:
                assert response.status_code == 200
                self.sent.add(file_id)
            elif file_id not in self.deleted and self.seen[file_id]["status"] != "DUPLICATE":
                assert response.status_code in {412, 200}

        @rule(file_id=files)
        def complete(self, file_id: str) -> None:
            response = self.http.post(f"/files/{file_id}/complete")
            if file_id in self.deleted:
                assert response.json()["code"] == "wrong_state"
            elif file_id in self.sent or file_id not in self.uploads:
                assert response.status_code in {200, 202}
            else:
                assert response.json()["code"] == "object_missing"

        @rule(file_id=consumes(files))
        def delete(self, file_id: str) -> None:
            assert self.http.delete(f"/files/{file_id}").status_code == 202
            self.deleted.add(file_id)

        @rule(file_id=files)
        def download(self, file_id: str) -> None:
            if self.is_downloadable(file_id):
                assert file_id not in self.deleted

        def is_downloadable(self, file_id: str) -> bool:
            """Whether a file can be downloaded; what comes is its content."""
            response = self.http.get(f"/files/{file_id}/download")
            if response.status_code == 200:
                assert httpx.get(response.json()["url"]).content == self.contents[file_id]
                return True
            assert response.json()["code"] == "wrong_state"
            return False

        def settled_list(self) -> list[dict[str, Any]]:
            """The files, once two lists in a row are the same: a worker may finish one meanwhile."""
            listed: list[dict[str, Any]] = []
            while True:
                before, listed = listed, self.http.get("/files", params={"limit": 100}).json()["items"]
                if before == listed:
                    return listed

        @invariant()
        def statuses_follow_the_arrows(self) -> None:
            listed = self.settled_list()
            assert {file["id"] for file in listed} == self.contents.keys() - self.deleted
            for file in listed:
                before = self.seen.get(file["id"], file)
                assert file["status"] in MAY_FOLLOW[before["status"]]
                assert file["purgedAt"] is None
                if file["status"] in STORED:
                    assert file["sha256"] == hashlib.sha256(self.contents[file["id"]]).hexdigest()
                self.seen[file["id"]] = file

        @invariant()
        def every_living_content_has_one_holder_and_every_name_can_be_downloaded(self) -> None:
            stored = [file for file in self.settled_list() if file["status"] in STORED]
            holders = {file["sha256"]: file["id"] for file in stored if file["status"] == "COMPLETED"}
            assert len(holders) == sum(file["status"] == "COMPLETED" for file in stored)
            for file in stored:
                expected = None if file["status"] == "COMPLETED" else holders[file["sha256"]]
                assert file["duplicateOf"] == expected
                assert self.is_downloadable(file["id"])

        @invariant()
        def sums_are_what_the_files_take(self) -> None:
            """A worker may finish a file at any moment, so until nothing changed between two lists."""
            while True:
                before, usage, page = (self.http.get(path).json() for path in USAGE_BETWEEN_LISTS)
                if before["items"] == page["items"]:
                    break
            files = page["items"]
            assert page["totalCount"] == len(files)
            stored = [file["size"] for file in files if file["status"] == "COMPLETED"]
            reserved = [file["size"] for file in files if file["status"] in {"PENDING", "PROCESSING"}]
            assert usage == {
                "used": sum(stored),
                "reserved": sum(reserved),
                "files": len(stored),
                "limit": None,
            }

        def teardown(self) -> None:
            """Delete everything: no object stays without a name."""
            stored = [file for file in self.settled_list() if file["status"] in STORED]
            links = [self.http.get(f"/files/{file['id']}/download").json()["url"] for file in stored]
            for file in stored:
                self.http.delete(f"/files/{file['id']}")
            for file in stored:
                wait_until(partial(self.is_purged, file["id"]), f"{file} is purged", 60)
            assert [httpx.get(link).status_code for link in links] == [404] * len(links)
            self.http.close()

        def is_purged(self, file_id: str) -> bool:
            return self.http.get(f"/files/{file_id}").json()["purgedAt"] is not None

    return Uploads


def test_whatever_is_done_what_must_hold_holds(service: Service) -> None:
    run_state_machine_as_test(
        machine_for(service),
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
