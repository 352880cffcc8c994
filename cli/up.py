"""`waybill up`: the embedded stack, the API and the workers, in the foreground."""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from dataclasses import asdict
from http.client import HTTPException
from pathlib import Path

from cli.serve import GRACE_SECONDS, initialise
from stack.errors import StackError
from stack.folder import Folder
from stack.ports import reachable_name
from stack.stack import Child, Stack
from waybill.platform.settings import load_settings, load_token_settings
from waybill.platform.tokens import DEMO_OWNER, make_demo_token

FIRST_PORT = 8000
PORTS_TO_TRY = 20

#: How long the API may take to start: two seconds, or a minute on a busy machine.
READY_TIMEOUT_SECONDS = 300

#: Threads of the worker that delivers webhooks.
MAX_CONCURRENT_DELIVERIES = 32

#: Only pages served from this machine may call the API.
LOCAL_ORIGINS = "http://localhost:*,http://127.0.0.1:*"


def run_up(host: str, port: int | None, data_dir: Path, workers: int, *, with_parent: bool) -> None:
    """Start all processes, print the addresses, and stop everything on Ctrl-C, SIGTERM or a child's death.

    Raises:
        StackError: a port or the folder is in use, or a child died. The message has the end of its log.
    """
    began = time.monotonic()
    stack = Stack(data_dir, host=host)
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, lambda *_: stack.request_stop())
    if with_parent:
        _die_with_parent()
    port = _free_port(host, port)
    with stack:
        os.environ.update(_environment(stack))
        # SeaweedFS accepts a star in an origin only before the host, not in place of the port. Pages of every
        # origin may therefore use presigned URLs, which are secrets. The API allows only LOCAL_ORIGINS.
        asyncio.run(initialise(load_settings(), bucket_origins=["*"]))
        api = stack.spawn(
            "api", _command("api", "--host", host, "--port", str(port)), grace=GRACE_SECONDS + 5
        )
        for number in range(1, workers + 1):
            stack.spawn(f"worker-{number}", _command("worker", "--queue", "hashing"), grace=GRACE_SECONDS + 5)
        # Separate from hashing, which may use every thread for minutes; a purge should take seconds.
        queues = ["--queue", "cleanup", "--queue", "transitions", "--queue", "operations"]
        stack.spawn("sweeper", _command("worker", *queues), grace=GRACE_SECONDS + 5)
        # Separate from both, because slow receivers block threads. A waiting thread costs little.
        delivering = _command("worker", "--queue", "webhooks", "--threads", str(MAX_CONCURRENT_DELIVERIES))
        stack.spawn("webhook-worker", delivering, grace=GRACE_SECONDS + 5)
        address = f"http://{reachable_name(host)}:{port}"
        rules = load_token_settings().token_rules
        token = make_demo_token(stack.jwt_secret, rules)
        _wait_until_ready(stack, api, address, token)
        # The client's commands run without this environment, so they read both from the folder.
        Folder(data_dir).write_address(address)
        Folder(data_dir).write_token_rules(asdict(rules))
        print(_welcome(address, token, data_dir, time.monotonic() - began), flush=True)
        stack.watch()
        print("Stopping…", flush=True)
    print("Stopped.", flush=True)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli", *arguments]


def _environment(stack: Stack) -> dict[str, str]:
    """Return the environment of the processes: the stack's servers and secrets, and some user settings."""
    settable = {"WAYBILL_CORS_ORIGINS", "WAYBILL_S3_PUBLIC_ENDPOINT_URL", "WAYBILL_WEBHOOK_ALLOW_PRIVATE"}
    own = stack.env() | {
        "WAYBILL_EMBEDDED": "true",
        "WAYBILL_CORS_ORIGINS": LOCAL_ORIGINS,
        # A developer's receivers are on this machine.
        "WAYBILL_WEBHOOK_ALLOW_PRIVATE": "true",
    }
    return own | {name: os.environ[name] for name in settable & os.environ.keys()}


def _free_port(host: str, wanted: int | None) -> int:
    candidates = range(FIRST_PORT, FIRST_PORT + PORTS_TO_TRY) if wanted is None else [wanted]
    for port in candidates:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError:
                raise StackError(
                    f"Port {port} cannot be used: it needs rights that this user does not have. Choose a "
                    "port above 1023."
                ) from None
            except OSError:
                print(f"Port {port} is in use{_occupant(host, port)}.", flush=True)
                continue
            return port
    if wanted is None:
        raise StackError(
            f"Ports {FIRST_PORT} to {candidates[-1]} of {host} are all in use. Choose another port with "
            "--port."
        )
    whom = _occupant(host, wanted) or " by another program"
    raise StackError(f"Port {wanted} of {host} is in use{whom}. Choose another port with --port.")


def _occupant(host: str, port: int) -> str:
    """Return a phrase that names the program at a port if it is another Waybill."""
    address = f"http://{reachable_name(host)}:{port}"
    try:
        with urllib.request.urlopen(f"{address}/api/v1/openapi.json", timeout=2) as answer:  # noqa: S310  # http
            is_waybill = json.load(answer)["info"]["title"] == "Waybill"
    except (OSError, ValueError, KeyError, TypeError, HTTPException):
        return ""
    return f" by another Waybill: {address}" if is_waybill else ""


def _wait_until_ready(stack: Stack, api: Child, address: str, token: str) -> None:
    # Only the API of this stack accepts its token. If another program took the port first, that program
    # answers, and the API is about to exit.
    ready = urllib.request.Request(f"{address}/readyz")  # noqa: S310  # our own address
    own = urllib.request.Request(  # noqa: S310
        f"{address}/api/v1/files?limit=1", headers={"Authorization": f"Bearer {token}"}
    )
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        stack.check()
        try:
            for request in (ready, own):
                with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
                    body = json.load(answer)
            if "items" in body:
                return
        except (OSError, ValueError, HTTPException):
            pass
        time.sleep(0.05)
    raise StackError(
        f"The API does not answer at {address}, after {READY_TIMEOUT_SECONDS} s. {api.exit_report()}"
    )


def _die_with_parent() -> None:
    """Let the kernel send SIGTERM when the parent dies, so that `kill -9` of `make up` stops the stack."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _welcome(address: str, token: str, data_dir: Path, seconds: float) -> str:
    return f"""
Waybill is ready ({seconds:.1f} s).

  Files        {address}/
  GraphiQL     {address}/graphql
  REST docs    {address}/api/v1/docs
  Dashboard    {address}/dashboard
  Data, logs   {data_dir.resolve()}

Request an upload:

  curl -X POST {address}/api/v1/files/upload-request \\
    -H 'Authorization: Bearer {token}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"name": "hello.txt", "size": 5, "contentType": "text/plain"}}'

The pages and this token act as the owner "{DEMO_OWNER}". In this folder, so do waybill upload FILE,
waybill ls and waybill get ID. A token of another owner: waybill token --sub NAME
Ctrl-C stops everything; the data stays.
"""
