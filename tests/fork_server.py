"""Run as a module: a process that has imported Waybill, and forks for each process that a test starts.

    python -m tests.fork_server DESCRIPTOR

A fork does what ``python -m cli ARGUMENT...`` does, without two seconds of imports. The descriptor is that
of a socket of packets, each a request or its answer as JSON. A request is the object of ``ForkServer.fork``,
or the id of a process that has ended and is to be reaped.
"""

import asyncio
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
from contextlib import suppress
from functools import cache
from typing import Any

import waybill
from stack.die_with_parent import die_with_parent
from waybill.platform.s3.storage import open_session

#: Bytes of one request: an environment is below 100 KB.
MAX_REQUEST_BYTES = 200_000

#: Of one request: standard output, standard error and a lock.
MAX_DESCRIPTORS = 3

# Without `actors`: the broker reads the settings when it is imported.
MODULES = [
    "api.app",
    "apscheduler.schedulers.background",
    "cli.main",
    "cli.serve",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_impl",
    *(module.name for module in pkgutil.walk_packages(waybill.__path__, "waybill.")),
]


def serve(channel: socket.socket) -> None:
    """Answer requests until the other side has gone; returns in each forked process too."""
    supervisor = os.getpid()
    while True:
        request, descriptors, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, MAX_DESCRIPTORS)
        if not request:
            os._exit(0)
        asked = json.loads(request)
        if isinstance(asked, int):
            channel.send(json.dumps(reap(asked)).encode())
            continue
        read_s3_api(
            *(asked["env"].get(f"WAYBILL_S3_{name}", "") for name in ("ACCESS_KEY", "SECRET_KEY", "REGION"))
        )
        begun, has_begun = os.pipe()
        if (pid := os.fork()) == 0:
            channel.close()
            os.close(begun)
            become(asked, descriptors, supervisor)
            os.close(has_begun)
            return
        for descriptor in (has_begun, *descriptors):
            os.close(descriptor)
        # A process is answered for when it leads its own group: it may be killed the next moment.
        os.read(begun, 1)
        os.close(begun)
        channel.send(json.dumps(pid).encode())


@cache
def read_s3_api(*credentials: str) -> None:
    """Have botocore read the API of S3 for a session of these credentials, which all forks then have."""

    async def open_client() -> None:
        async with open_session(*credentials).client("s3"):
            pass

    if all(credentials):
        asyncio.run(open_client())


def become(asked: dict[str, Any], descriptors: list[int], supervisor: int) -> None:
    """Set up this process as ``stack.process.Child`` does: session, descriptors, folder and environment."""
    os.setsid()
    die_with_parent(supervisor, asked["orphan_signal"])
    stdout, stderr, *locks = descriptors
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for copied in {stdout, stderr}:
        os.close(copied)
    # While a child of it lives the lock is held.
    for lock in locks:
        os.set_inheritable(lock, True)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[1:] = asked["arguments"]


def reap(pid: int) -> int:
    """End what an ended process has left in its group; return its exit code, minus the signal if killed."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    if len(os.listdir("/proc/self/task")) > 1:
        sys.exit(
            "An import has started a thread: a fork would lack it, and could wait for its locks for ever."
        )
    # What is there already is not to be looked at, and so not copied, by the collectors of all forks.
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    from cli.main import main

    main()
