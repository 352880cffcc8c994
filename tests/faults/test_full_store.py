"""A store that is full: SeaweedFS refuses to write to a bucket over its quota."""

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import psutil
import pytest

from stack.binaries import find_weed
from stack.stack import Stack
from tests.faults.load import ENDLESS, Load
from tests.faults.table import LONG
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import put, settled
from tests.waiting import until


def weed_shell(stack: Stack, *commands: str) -> None:
    ports = stack.ports
    addresses = [f"-{role}=127.0.0.1:{ports[role]}.{ports[f'{role}_grpc']}" for role in ("master", "filer")]
    # The shell needs the certificate that the servers use, which their settings name.
    server = psutil.Process(stack.child("seaweedfs").pid)
    subprocess.run(
        [str(find_weed()), "shell", *addresses],
        cwd=server.cwd(),
        env=server.environ(),
        input="\n".join(["lock", *commands, "unlock", "exit"]),
        text=True,
        check=True,
        capture_output=True,
        # It tries for ever to reach servers that refuse it.
        timeout=ENDLESS,
    )


async def fill(stack: Stack, service: Service, api: RestApi) -> None:
    """Set a quota that is reached already, and wait until the store refuses."""
    bucket = service.settings.s3_bucket

    async def refuses() -> bool:
        # The store hears of the bucket's size every few seconds only.
        quota = f"s3.bucket.quota -name={bucket} -op=set -sizeMB=1"
        await asyncio.to_thread(weed_shell, stack, quota, "s3.bucket.quota.enforce -apply")
        probe = await api.request(name="probe", size=1)
        return (await put(probe.data["upload"], b"x")).status_code == 500

    await until(refuses, "the quota is enforced", ENDLESS)


async def accepted(upload: Mapping[str, Any], content: bytes) -> None:
    """Send the bytes by the URL that was refused, until the store has heard that there is room again."""

    async def has_room() -> bool:
        return (await put(upload, content)).status_code == 200

    await until(has_room, "the store accepts again", ENDLESS)


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill whose bucket may be full."""
    with running_service(stack) as running:
        yield running


async def test_a_full_store_refuses_uploads_and_loses_none(
    stack: Stack, service: Service, owner: str
) -> None:
    times = 3 if LONG else 1
    load = Load(service, owner)
    async with service.client(owner) as client, load.running():
        api = RestApi(client)
        await load.progress(40)
        for _ in range(times):
            await fill(stack, service, api)
            refused = await api.request(name="refused", size=5)
            assert (await put(refused.data["upload"], b"hello")).status_code == 500
            assert (await api.complete(refused.id)).code == "object_missing"
            assert (await api.get(refused.id)).data["status"] == "PENDING"

            quota = f"s3.bucket.quota -name={service.settings.s3_bucket} -op=remove"
            await asyncio.to_thread(weed_shell, stack, quota)
            await accepted(refused.data["upload"], b"hello")
            assert (await api.complete(refused.id)).code is None
            assert (await settled(api, refused.id))["status"] in {"COMPLETED", "DUPLICATE"}
            await load.progress()
    assert load.repeats, "no client noticed"
    await load.check("S3 full (over its quota)", times)
