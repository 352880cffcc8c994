"""The client on a real Waybill."""

import asyncio
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from api.errors import STATUS
from tests.actors.conftest import multipart_uploads, open_bucket
from tests.haystack import NEEDLE_TYPE, NEEDLES, add_haystack
from tests.relay import Relay
from tests.service import Service, free_port
from tests.waiting import until
from waybill.client import (
    ApiError,
    AsyncClient,
    Client,
    ClientError,
    ContentChanged,
    File,
    FileNotFound,
    NotVerified,
    OperationFailed,
    PreconditionFailed,
    RateLimited,
    Status,
    Unauthenticated,
    UnexpectedAnswer,
    Unreachable,
    WrongState,
)
from waybill.client.destination import destination
from waybill.client.errors import BY_CODE
from waybill.client.observer import NoObserver

MIB = 1024**2
PART = 16 * MIB

#: Two whole parts and the rest.
LARGE = os.urandom(2 * PART + 1000)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a file to upload."""

    def write(content: bytes) -> Path:
        path = tmp_path / "source.bin"
        path.write_bytes(content)
        return path

    return write


def puts(wire: Relay) -> list[int]:
    """The numbers of the parts that were begun, in their order."""
    lines = [line for line in wire.requests if line.startswith("PUT") and "partNumber=" in line]
    return sorted(int(line.split("partNumber=")[1].split("&")[0].split(" ")[0]) for line in lines)


@pytest.mark.parametrize("multipart", [False, True])
async def test_a_file_goes_up_and_comes_down(
    client: AsyncClient, written: Callable[[bytes], Path], tmp_path: Path, multipart: bool
) -> None:
    source = written(LARGE)
    progress: list[tuple[int, int]] = []
    file = await client.upload(
        source, multipart=multipart, progress=lambda done, size: progress.append((done, size))
    )
    assert (file.status, file.sha256) == (Status.COMPLETED, hashlib.sha256(LARGE).hexdigest())
    assert progress[-1] == (len(LARGE), len(LARGE))
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    target = tmp_path / "folder"
    target.mkdir()
    path = await client.download(file.id, target)
    assert (path, path.read_bytes()) == (target / "source.bin", LARGE)
    assert await client.download(file.id, target) == path
    assert [path.name for path in target.iterdir()] == ["source.bin"]


async def test_an_empty_file_is_a_file(
    client: AsyncClient, written: Callable[[bytes], Path], tmp_path: Path
) -> None:
    file = await client.upload(written(b""), name="empty")
    assert (file.size, file.status) == (0, Status.COMPLETED)
    assert (await client.download(file.id, tmp_path / "copy")).read_bytes() == b""


async def test_files_are_listed_over_all_pages(client: AsyncClient, written: Callable[[bytes], Path]) -> None:
    grants = await asyncio.gather(*(client.request_upload(f"{number:03}", number) for number in range(230)))
    found = [file async for file in client.files(sort="name")]
    assert [file.name for file in found] == [f"{number:03}" for number in range(230)]
    few = [file async for file in client.files(min_size=10, max_size=12, status=[Status.PENDING], name="0")]
    assert {file.id for file in few} == {grants[number].file.id for number in (10, 11, 12)}


async def test_a_file_is_deleted_and_usage_told(
    client: AsyncClient, written: Callable[[bytes], Path]
) -> None:
    file = await client.upload(written(b"hello"))
    usage = await client.usage()
    assert (usage.used, usage.files, usage.limit) == (5, 1, None)
    assert (await client.delete(file.id)).deleted_at is not None
    assert (await client.get(file.id)).is_over
    with pytest.raises(WrongState):
        await client.download(file.id, "nowhere")


async def test_a_file_has_a_folder_and_metadata_which_are_updated(
    client: AsyncClient, written: Callable[[bytes], Path]
) -> None:
    source = written(b"a sunset")
    made = await client.upload(source, folder="photos/2026/", metadata={"album": "summer", "draft": "yes"})
    assert (made.folder, made.metadata) == ("photos/2026/", {"album": "summer", "draft": "yes"})
    read = await client.get(made.id)
    updated = await client.update(
        made.id,
        name="sunset.jpg",
        content_type="image/jpeg",
        folder="",
        metadata={"draft": None},
        if_match=read.etag,
    )
    assert (updated.name, updated.content_type, updated.folder) == ("sunset.jpg", "image/jpeg", "")
    assert updated.metadata == {"album": "summer"}
    assert (await client.update(made.id)).etag == updated.etag
    with pytest.raises(PreconditionFailed):
        await client.update(made.id, name="dawn.jpg", if_match=read.etag)


async def test_one_content_in_two_folders_is_two_files(client: AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"same")
    for folder in ("left/", "right/", "left/"):
        [outcome] = [
            each
            async for each in client.upload_many([tmp_path / "a.txt"], folder=folder, metadata={"k": "v"})
        ]
        assert outcome.error is None
    files = [file async for file in client.files(sort="createdAt", order="asc")]
    assert [file.folder for file in files] == ["left/", "right/"]
    assert [file.duplicate_of for file in files] == [None, files[0].id]
    assert [file.metadata for file in files] == [{"k": "v"}, {"k": "v"}]


async def test_without_asyncio_it_is_the_same(
    service: Service, owner: str, written: Callable[[bytes], Path], tmp_path: Path
) -> None:
    """Even where a loop runs already, as it does here."""
    with Client(service.address, service.token(owner)) as client:
        file = client.upload(written(b"hello"))
        assert client.update(file.id, folder="notes/").folder == "notes/"
        assert [each.id for each in client.files()] == [file.id]
        assert b"".join(client.content(file.id)) == b"hello"
        assert client.download(file.id, tmp_path / "copy").read_bytes() == b"hello"
        with pytest.raises(FileNotFound):
            client.get("0" * 24)
        client.close()


async def test_a_broken_line_costs_the_part_that_it_carried(
    wired_client: AsyncClient, wire: Relay, written: Callable[[bytes], Path]
) -> None:
    wire.cut = {"partNumber=2"}
    file = await wired_client.upload(written(LARGE), multipart=True)
    assert file.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert puts(wire) == [1, 2, 2, 3]


async def test_a_broken_line_costs_no_download(
    wired_client: AsyncClient, wire: Relay, written: Callable[[bytes], Path], tmp_path: Path
) -> None:
    file = await wired_client.upload(written(LARGE))
    wire.cut = {"GET /"}
    assert (await wired_client.download(file.id, tmp_path / "copy")).read_bytes() == LARGE


async def test_a_url_that_is_refused_is_exchanged(
    client: AsyncClient, written: Callable[[bytes], Path]
) -> None:
    grant = await client.request_upload("a", 5)
    assert grant.upload is not None
    stale = replace(grant.upload, url=grant.upload.url[:-4] + "0000")
    file = await client.send(written(b"hello"), replace(grant, upload=stale))
    assert (await client.wait(file.id)).status is Status.COMPLETED


async def test_what_was_sent_but_not_completed_is_taken_up(
    wired_client: AsyncClient, wire: Relay, written: Callable[[bytes], Path]
) -> None:
    source = written(b"hello")
    grant = await wired_client.request_upload("a", 5)
    await wired_client.send(source, grant)
    # As a repeat of it whose first answer was lost.
    assert (await wired_client.send(source, grant)).id == grant.file.id
    wire.requests.clear()
    assert (await wired_client.resume(source, grant.file.id)).id == grant.file.id
    assert wire.requests == []


async def test_what_the_store_has_given_up_is_sent_again(
    wired: Service, wired_client: AsyncClient, wire: Relay, written: Callable[[bytes], Path]
) -> None:
    source = written(LARGE)
    grant = await wired_client.request_upload("a", len(LARGE), multipart=True)
    with wire.holding("partNumber=3") as hold:
        sending = asyncio.create_task(wired_client.send(source, grant))
        assert await asyncio.to_thread(hold.has_one.wait, 30)
        async for bucket in open_bucket(wired):
            for upload in await multipart_uploads(wired, grant.file.id):
                await bucket.client.abort_multipart_upload(
                    Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
                )
    await sending
    assert (await wired_client.wait(grant.file.id)).status is Status.COMPLETED


async def test_content_that_was_not_requested_is_not_stored(
    client: AsyncClient, written: Callable[[bytes], Path]
) -> None:
    grant = await client.request_upload("a", 5, sha256=hashlib.sha256(b"hello").hexdigest())
    with pytest.raises(ContentChanged, match="has other content than its SHA-256 says"):
        await client.send(written(b"world"), grant)
    with pytest.raises(ContentChanged, match="has 3 bytes, but the upload was requested for 5"):
        await client.send(written(b"abc"), grant)


async def test_an_upload_that_is_not_verified_is_an_error(
    client: AsyncClient, written: Callable[[bytes], Path]
) -> None:
    content = os.urandom(100)
    with pytest.raises(NotVerified, match="CHECKSUM_MISMATCH") as failed:
        await client.upload(written(content), sha256="0" * 64, multipart=True)
    assert failed.value.file.status is Status.FAILED


async def test_a_file_that_changes_while_it_is_sent_is_told(
    wired_client: AsyncClient, wire: Relay, written: Callable[[bytes], Path]
) -> None:
    source = written(LARGE)
    grant = await wired_client.request_upload("a", len(LARGE), multipart=True)
    with wire.holding("PUT /") as hold:
        sending = asyncio.create_task(wired_client.send(source, grant))
        assert await asyncio.to_thread(hold.has_one.wait, 30)
        os.truncate(source, 1000)
    with pytest.raises(ContentChanged, match="changed while it was read"):
        await sending


class Noted:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.retries: list[tuple[str, float]] = []

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        self.requests.append(f"{method} {target} {status}")

    def retry(self, error: ClientError, seconds: float) -> None:
        self.retries.append((error.code, seconds))


async def test_an_api_that_dies_meanwhile_is_waited_for(
    wired: Service, wire: Relay, owner: str, written: Callable[[bytes], Path]
) -> None:
    source, noted = written(LARGE), Noted()
    async with AsyncClient(wired.address, wired.token(owner), parallel=2, observer=noted) as client:
        grant = await client.request_upload("a", len(LARGE), multipart=True)
        with wire.holding("partNumber=3") as hold:
            sending = asyncio.create_task(client.send(source, grant))
            assert await asyncio.to_thread(hold.has_one.wait, 30)
            await asyncio.to_thread(wired.api.kill)
        await asyncio.to_thread(wired.api.restart)
        file = await client.wait((await sending).id)
    assert file.sha256 == hashlib.sha256(LARGE).hexdigest()
    # The callback reports the outage, and the report has no signature.
    assert {code for code, _ in noted.retries} == {"unreachable"}
    assert "POST /api/v1/files/upload-request 201" in noted.requests
    assert sum(line.startswith(f"PUT {wire.address}/") for line in noted.requests) == 3
    assert not any("?" in line for line in noted.requests)


async def test_who_is_told_to_slow_down_does(wired: Service) -> None:
    async with AsyncClient(wired.address, wired.token("bob"), retry_seconds=0) as client:
        with pytest.raises(RateLimited):
            await asyncio.gather(*(client.usage() for _ in range(60)))
    async with AsyncClient(wired.address, wired.token("bob")) as client:
        assert len(await asyncio.gather(*(client.usage() for _ in range(60)))) == 60


async def test_nobody_at_the_address(owner: str) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    async with AsyncClient(address, "token", retry_seconds=0) as client:
        with pytest.raises(Unreachable, match=f"{address} does not answer: connection refused") as failed:
            await client.usage()
    assert (failed.value.code, failed.value.status) == ("unreachable", None)


async def test_a_token_may_be_made_for_each_request(service: Service, owner: str) -> None:
    tokens = iter([service.token(owner), "spoilt"])
    async with AsyncClient(service.address, lambda: next(tokens)) as client:
        await client.usage()
        with pytest.raises(Unauthenticated) as refused:
            await client.usage()
    assert (refused.value.code, refused.value.status) == ("unauthenticated", 401)


async def test_another_server_at_the_address_is_named(service: Service) -> None:
    async with AsyncClient(service.settings.s3_endpoint_url, "token") as client:
        with pytest.raises(UnexpectedAnswer, match="not as a Waybill server does") as refused:
            await client.usage()
    assert refused.value.code == "unexpected_answer"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "not as a Waybill server does"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "KeyError: 'items'"),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: https://b.example/x?y\r\nContent-Length: 0\r\n\r\n",
            "redirects to https://b.example. Use that address",
        ),
        # A TLS alert, which a server sends to a client of plain HTTP.
        (b"\x15\x03\x03\x00\x02\x02\x46", "If the server uses TLS, use https://127.0.0.1:"),
        (b"", "If the server uses TLS, use https://127.0.0.1:"),
    ],
)
async def test_what_answers_in_place_of_a_waybill_is_named(answer: bytes, message: str) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with AsyncClient(f"http://127.0.0.1:{port}", "token", retry_seconds=0) as client:
            with pytest.raises(ClientError, match=message):
                _ = [file async for file in client.files()]


async def test_a_wrong_address_says_what_to_change(service: Service, owner: str) -> None:
    tls = service.address.replace("http:", "https:")
    async with AsyncClient(tls, service.token(owner), retry_seconds=0) as client:
        with pytest.raises(Unreachable, match=f"this port does not use TLS.*use {service.address}"):
            await client.usage()
    async with AsyncClient(f"{service.address}/x", service.token(owner), retry_seconds=0) as client:
        with pytest.raises(ApiError, match=f"Remove the path: {service.address}$"):
            await client.usage()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "is not the address of a Waybill server"),
        ("files.example.com", "is not the address of a Waybill server"),
        ("ftp://files.example.com", "is not the address of a Waybill server"),
        ("http://", "is not the address of a Waybill server"),
        ("http://a.example:port", "is not an address"),
        ("https://files.exam\rple.com", "cannot contain a space, a control character"),
        ("https://files.example.com/a b", "cannot contain a space, a control character"),
        ("https://files.example.com\\\\@evil.example", "cannot contain a space, a control character"),
        ("https://u:p@a.example/", "cannot contain a user name or a password: use https://a.example and"),
        ("https://a.example/?x=1", "cannot contain . or #: use https://a.example\\."),
        ("https://a.example/api/v1/", "Remove /api/v1: https://a.example$"),
        ("https://a.example/graphql", "Remove /graphql: https://a.example$"),
    ],
)
async def test_what_is_no_address_is_refused(address: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        async with AsyncClient(address, "token"):
            pass
    assert "u:p" not in str(refused.value)


async def test_what_is_no_token_is_refused(service: Service) -> None:
    for token in ("", " ", "a b", "a\nb", "é"):
        with pytest.raises(ValueError, match="The token"):
            AsyncClient(service.address, token)
    async with AsyncClient(service.address, str) as client:
        with pytest.raises(ValueError, match="The token is empty"):
            await client.usage()


def test_every_code_that_is_raised_by_its_own_class_is_one_of_the_api() -> None:
    assert set(BY_CODE) <= set(STATUS)


async def test_nothing_secret_is_logged_or_shown(
    service: Service, owner: str, written: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    token = service.token(owner)
    caplog.set_level(logging.DEBUG)
    async with AsyncClient(service.address, token) as client:
        grant = await client.request_upload("a", 5)
        await client.send(written(b"hello"), grant)
        shown = repr(grant) + repr(client) + caplog.text
    assert "X-Amz-Signature" not in shown
    assert token not in shown


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../b", "a\\b", "a\0b"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    file = File.from_json(
        dict.fromkeys(
            ("sha256", "duplicateOf", "failureReason", "completedAt", "deletedAt", "purgedAt"),
        )
        | {"id": "0" * 24, "name": name, "size": 0, "contentType": "a/b", "status": "COMPLETED"}
        | {"createdAt": "2026-11-23T13:28:49.424Z"}
    )
    assert destination(tmp_path, file) == tmp_path / file.id


def test_it_brings_no_server_along() -> None:
    probe = "import sys, waybill.client; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", probe], text=True).split())
    assert not loaded & {"beanie", "motor", "aioboto3", "dramatiq", "starlette", "pydantic", "typer"}


async def test_a_list_goes_on_where_a_page_is_short(
    client: AsyncClient, service: Service, owner: str
) -> None:
    add_haystack(service, owner)
    found = [file.name async for file in client.files(content_type=NEEDLE_TYPE)]
    assert found == list(NEEDLES)
    assert [file async for file in client.files(content_type="image/*")] == []


async def test_a_link_is_requested_when_its_transfer_can_start(
    service: Service, owner: str, written: Callable[[bytes], Path], tmp_path: Path
) -> None:
    """A link that waits behind other transfers could expire."""
    requests: list[str] = []

    class Recorder(NoObserver):
        def request(self, method: str, target: str, status: int, seconds: float) -> None:
            requests.append(target)

    token = service.token(owner)
    async with AsyncClient(service.address, token, parallel=1, observer=Recorder()) as client:
        slow = await client.upload(written(LARGE))
        other = await client.upload(written(b"other"))
        link = f"/api/v1/files/{other.id}/download"
        os.mkfifo(tmp_path / "pipe")
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        first = asyncio.create_task(client.download(slow, tmp_path / "pipe"))
        await until(lambda: f"/api/v1/files/{slow.id}/download" in requests, "the first transfer has begun")
        second = asyncio.create_task(client.download(other, tmp_path / "b"))
        for _ in range(5):
            await client.usage()
        assert link not in requests
        os.set_blocking(reader, True)
        with os.fdopen(reader, "rb") as pipe:
            assert await asyncio.to_thread(pipe.read) == LARGE
        await first
        await second
        assert link in requests


async def test_files_can_be_transferred_while_a_content_is_read(
    service: Service, owner: str, written: Callable[[bytes], Path], tmp_path: Path
) -> None:
    async with AsyncClient(service.address, service.token(owner), parallel=1) as client:
        file = await client.upload(written(LARGE))
        async with aclosing(client.content(file.id)) as content:
            await anext(content)
            other = await client.upload(written(b"other"))
            await client.download(other, tmp_path / "b")


async def test_folders_are_moved_counted_and_deleted(client: AsyncClient) -> None:
    for folder in ("a/", "a/b/"):
        await client.request_upload("c", 1, folder=folder)
    seen: list[int] = []
    moved = await client.move_folder("a/", "b/", progress=lambda operation: seen.append(operation.done))
    assert (moved.kind, moved.status, moved.done, moved.total, moved.to) == (
        "MOVE_FOLDER",
        "DONE",
        2,
        2,
        "b/",
    )
    assert seen[-1] == 2
    assert await client.count(folder="b/", recursive=True) == 2
    accepted = await client.delete_folder("b/", wait=False)

    async def is_over() -> bool:
        return (await client.operation(accepted.id)).is_over

    await until(is_over, "the folder is deleted")
    assert await client.count() == 0
    await client.request_upload("c", 1, folder="a/b/")
    with pytest.raises(OperationFailed, match="FOLDER_TOO_LONG"):
        await client.move_folder("a/", "c" * 1022 + "/")
    for unknown in ("6b043f91342f2be4ee3195a4", "../files"):
        with pytest.raises(ApiError, match="operation does not exist"):
            await client.operation(unknown)
