"""SIGTERM: requests that were begun are answered, and jobs go to another worker."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cli.serve import GRACE_SECONDS
from stack.stack import Stack
from tests.faults.load import ready
from tests.faults.records import held, record
from tests.faults.table import LONG, ROWS, Row
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import put, settled
from tests.waiting import ended

REQUESTS = 50

#: Bytes: enough for SIGTERM to come in the middle of the hash.
BIG = 200 * 1024 * 1024


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, for its processes are stopped."""
    with running_service(stack) as running:
        yield running


class SlowRequest:
    """A request whose head the API has, and whose body it still waits for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        self._reader, self._writer, self._body = reader, writer, body

    @classmethod
    async def begin(cls, service: Service, owner: str) -> "SlowRequest":
        """Send the head, and wait until the API asks for the body."""
        body = json.dumps({"name": "slow", "size": 1}).encode()
        host, port = service.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            "POST /api/v1/files/upload-request HTTP/1.1\r\n"
            f"Host: {host}:{port}\r\nAuthorization: Bearer {service.token(owner)}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        return cls(reader, writer, body)

    async def finish(self) -> Any:
        """Send the body; the status and the JSON of the answer."""
        self._writer.write(self._body)
        answer = await self._reader.read()
        self._writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


async def takes_no_more(service: Service) -> None:
    """Wait until the API has closed its port."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        async with httpx.AsyncClient() as client:
            try:
                await client.get(f"{service.address}/healthz")
            except httpx.ConnectError:
                return
            except httpx.TransportError:
                pass  # taken before the stop, and closed by it
        await asyncio.sleep(0.02)
    raise AssertionError("the API still takes requests")


async def test_an_api_that_is_told_to_stop_answers_what_it_has_begun(service: Service, owner: str) -> None:
    times = 10 if LONG else 1
    for _ in range(times):
        requests = await asyncio.gather(*[SlowRequest.begin(service, owner) for _ in range(REQUESTS)])
        service.api.terminate()
        await takes_no_more(service)
        assert service.api.exit_code() is None
        answers = await asyncio.gather(*[request.finish() for request in requests])
        assert {status for status, _ in answers} == {201}
        assert await ended(service.api, GRACE_SECONDS + 2) == 0
        service.api.restart()
        await ready(service)
        async with service.client(owner) as client:
            codes = [(await RestApi(client).get(body["file"]["id"])).code for _, body in answers]
        assert codes == [None] * REQUESTS
    ROWS.append(Row("API stopped (SIGTERM)", times, times * REQUESTS, 0))


async def test_a_worker_that_is_told_to_stop_hands_its_job_to_the_next(service: Service, owner: str) -> None:
    wanted = 10 if LONG else 1
    caught = 0
    content = os.urandom(BIG)
    async with service.client(owner) as client:
        api = RestApi(client)
        for number in range(20):
            mine = content + bytes([number])
            requested = await api.request(name="big", size=len(mine))
            assert (await put(requested.data["upload"], mine)).status_code == 200
            assert (await api.complete(requested.id)).code is None
            await held(service, requested.id)
            service.worker.terminate()
            assert await ended(service.worker, GRACE_SECONDS + 2) == 0
            caught += (await api.get(requested.id)).data["status"] == "PROCESSING"
            assert "attempt" not in await record(service, requested.id)
            service.worker.restart()
            file = await settled(api, requested.id)
            assert (file["status"], file["sha256"]) == ("COMPLETED", hashlib.sha256(mine).hexdigest())
            if caught == wanted:
                break
    assert caught == wanted, "too few stops came before the end of a hash"
    ROWS.append(Row("worker stopped (SIGTERM) mid-hash", caught, caught, 0))
