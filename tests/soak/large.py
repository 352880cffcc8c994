"""`make large`: a file of 20 GiB over a line that breaks, by a client that dies, and the memory it takes.

Run with an address, a token and an id it is that client; run without it is who starts and kills it.
"""

import argparse
import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from stack.stack import Stack
from tests.service import Service, start_service

MIB = 1024**2
BLOCK = 4 * MIB
PARTS_AT_ONCE = 20

#: The parts that are cut off in their middle, and the one at which the client is killed, in hundredths.
BREAKS = (20, 50, 80)
DEATH = 60


def block(number: int) -> bytes:
    """A block of the file: zeros, but for its own number at its beginning."""
    return number.to_bytes(8, "big") + bytes(BLOCK - 8)


def blocks_of(part: int, part_size: int, size: int) -> Iterator[bytes]:
    """The blocks of one part."""
    begin, end = (part - 1) * part_size, min(part * part_size, size)
    for number in range(begin // BLOCK, -(-end // BLOCK)):
        yield block(number)[: end - number * BLOCK]


class Cut(Exception):
    """The line breaks."""


def sent(part: int, part_size: int, size: int, *, breaks: bool) -> Iterator[bytes]:
    """The blocks of one part, all of them or those before the line breaks."""
    for number, content in enumerate(blocks_of(part, part_size, size)):
        if breaks and number == part_size // BLOCK // 2:
            raise Cut
        yield content


def client(address: str, token: str, file_id: str, size: int) -> None:
    """Send what the store does not have yet, then complete. Knows nothing but the id."""
    api = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    with api, httpx.Client(timeout=60) as store:
        progress = api.get(f"/api/v1/files/{file_id}/parts").raise_for_status().json()
        part_size, count = progress["partSize"], progress["partCount"]
        held = {part["partNumber"] for part in progress["parts"]}
        missing = [number for number in range(1, count + 1) if number not in held]
        print(f"client: {len(held)} of {count} parts are there", flush=True)
        broken = {count * hundredths // 100 for hundredths in BREAKS}
        while missing:
            wanted = missing[:PARTS_AT_ONCE]
            asked = api.post(f"/api/v1/files/{file_id}/parts", json={"partNumbers": wanted})
            for part in asked.raise_for_status().json()["parts"]:
                number = part["partNumber"]
                content = sent(number, part_size, size, breaks=number in broken)
                try:
                    store.put(part["url"], headers=part["headers"], content=content).raise_for_status()
                except Cut:
                    print(f"client: the line broke in part {number}", flush=True)
                    broken.remove(number)
                else:
                    missing.remove(number)
                    print(f"client: part {number}", flush=True)
        api.post(f"/api/v1/files/{file_id}/complete").raise_for_status()


def run_client(service: Service, file_id: str, size: int, *, until: str | None) -> int:
    """Run a client to its end, or until it says something and is killed; how often its line broke."""
    arguments = ["--address", service.address, "--token", service.token("large"), "--id", file_id]
    command = [sys.executable, "-m", "tests.soak.large", *arguments, "--gib", str(size // 1024**3)]
    breaks = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            breaks += "broke" in line
            if "broke" in line or "are there" in line:
                print(line, end="", flush=True)
            if line.strip() == until:
                process.kill()
                print("client: killed", flush=True)
    return breaks


async def upload(service: Service, size: int) -> bool:
    """Send the file and print the progress. Return whether the result is right."""
    worker = psutil.Process(service.worker.pid)
    upload_request: dict[str, Any] = {"name": "large.bin", "size": size, "multipart": True}
    async with service.client("large") as api:
        answer = (await api.post("/api/v1/files/upload-request", json=upload_request)).json()
        file_id, count = answer["file"]["id"], answer["multipart"]["partCount"]
        began = time.monotonic()
        death = f"client: part {count * DEATH // 100}"
        breaks = await asyncio.to_thread(run_client, service, file_id, size, until=death)
        before = peak = worker.memory_info().rss
        breaks += await asyncio.to_thread(run_client, service, file_id, size, until=None)
        arrived = time.monotonic()
        while (file := (await api.get(f"/api/v1/files/{file_id}")).json())["status"] == "PROCESSING":
            peak = max(peak, worker.memory_info().rss)
            await asyncio.sleep(0.2)
        verified = time.monotonic()
    digest = hashlib.sha256()
    for number in range(-(-size // BLOCK)):
        digest.update(block(number)[: size - number * BLOCK])
    right: bool = file["status"] == "COMPLETED" and file["sha256"] == digest.hexdigest()
    print(
        f"{size // 1024**3} GiB in {count} parts: {breaks} broken lines, 1 dead client,"
        f" sent in {arrived - began:.0f} s, verified {verified - arrived:.0f} s later: {file['status']},"
        f" sha256 {'right' if right else 'WRONG'}."
    )
    print(f"Memory of the worker: {before / MIB:.1f} MiB before, {peak / MIB:.1f} MiB at most.")
    return right


def main() -> int:
    """Read the options, and be the one or the other."""
    parser = argparse.ArgumentParser(prog="make large")
    parser.add_argument("--gib", type=int, default=20)
    for name in ("address", "token", "id"):
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    size = options.gib * 1024**3
    if options.id is not None:
        client(options.address, options.token, options.id, size)
        return 0
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        return 0 if asyncio.run(upload(start_service(stack), size)) else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    raise SystemExit(main())
