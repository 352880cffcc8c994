"""Random sequences of operations, through both faces in turn; what must always hold, checked after each."""

import hashlib
import uuid
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

CONTENTS = [b"", b"one", b"two", b"three" * 1000]
MAY_FOLLOW = {
    "PENDING": {"PENDING", "PROCESSING", "COMPLETED", "DUPLICATE"},
    "PROCESSING": {"PROCESSING", "COMPLETED", "DUPLICATE"},
    "COMPLETED": {"COMPLETED"},
    "DUPLICATE": {"DUPLICATE"},
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
            self.uploads: dict[str, tuple[dict[str, Any], bytes]] = {}
            self.sent: set[str] = set()
            self.deleted: set[str] = set()

        @rule(target=files, content=st.sampled_from(CONTENTS), declared=st.booleans())
        def request(self, content: bytes, declared: bool) -> str:
            body: dict[str, Any] = {"name": "a", "size": len(content)}
            if declared:
                body["sha256"] = hashlib.sha256(content).hexdigest()
            response = self.http.post("/files/upload-request", json=body)
            answer = response.json()
            file_id: str = answer["file"]["id"]
            if answer["upload"] is None:
                assert declared
                assert answer["file"]["status"] == "COMPLETED"
                assert file_id not in self.deleted
            else:
                self.uploads[file_id] = (answer["upload"], content)
            return file_id

        @rule(file_id=files)
        def send(self, file_id: str) -> None:
            upload, content = self.uploads[file_id]
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
            elif file_id in self.sent:
                assert response.status_code in {200, 202}
            else:
                assert response.json()["code"] == "object_missing"

        @rule(file_id=consumes(files))
        def delete(self, file_id: str) -> None:
            assert self.http.delete(f"/files/{file_id}").status_code == 202
            self.deleted.add(file_id)

        @rule(file_id=files)
        def download(self, file_id: str) -> None:
            response = self.http.get(f"/files/{file_id}/download")
            if response.status_code == 200:
                _, content = self.uploads[file_id]
                assert httpx.get(response.json()["url"]).content == content
            else:
                assert response.json()["code"] == "wrong_state"

        @invariant()
        def statuses_follow_the_arrows_and_contents_are_unique(self) -> None:
            listed = self.http.get("/files", params={"limit": 100}).json()["items"]
            assert not {file["id"] for file in listed} & self.deleted
            assert {file["id"] for file in listed} == self.uploads.keys() - self.deleted
            for file in listed:
                before = self.seen.get(file["id"], file)
                assert file["status"] in MAY_FOLLOW[before["status"]]
                if file["status"] in {"COMPLETED", "DUPLICATE"}:
                    _, content = self.uploads[file["id"]]
                    assert file["sha256"] == hashlib.sha256(content).hexdigest()
                self.seen[file["id"]] = file
            completed = [file["sha256"] for file in listed if file["status"] == "COMPLETED"]
            assert len(completed) == len(set(completed))

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
            self.http.close()

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
