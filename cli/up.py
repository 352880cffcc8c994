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

#: Seconds in which the API must be ready. It takes two, or a minute on a machine that is busy.
READY_SECONDS = 300

#: Deliveries to webhooks at a time.
DELIVERIES = 32

#: Pages that a developer serves from this machine may call the API; no others may.
LOCAL_ORIGINS = "http://localhost:*,http://127.0.0.1:*"


def run_up(host: str, port: int | None, data_dir: Path, workers: int, *, with_parent: bool) -> None:
    """Start everything, say where it is, and stop it all on Ctrl-C, SIGTERM or the death of a child.

    Raises:
        StackError: a port or the folder is in use, or a child died; names it, with the end of its log.
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
        # SeaweedFS understands a star in an origin only before the host, not in place of the port. Every page
        # may therefore use the store's presigned URLs, which are secrets; the API is more particular.
        asyncio.run(initialise(load_settings(), bucket_origins=["*"]))
        api = stack.spawn(
            "api", _command("api", "--host", host, "--port", str(port)), grace=GRACE_SECONDS + 5
        )
        for number in range(1, workers + 1):
            stack.spawn(f"worker-{number}", _command("worker", "--queue", "hashing"), grace=GRACE_SECONDS + 5)
        # Apart from the hashing, which may take every thread for minutes while a purge should take seconds.
        sweeping = _command("worker", "--queue", "cleanup", "--queue", "transitions")
        stack.spawn("sweeper", sweeping, grace=GRACE_SECONDS + 5)
        # Apart from both: a slow receiver takes what time it likes, and a thread that waits costs nothing.
        delivering = _command("worker", "--queue", "webhooks", "--threads", str(DELIVERIES))
        stack.spawn("courier", delivering, grace=GRACE_SECONDS + 5)
        address = f"http://{reachable_name(host)}:{port}"
        rules = load_token_settings().token_rules
        token = make_demo_token(stack.jwt_secret, rules)
        _wait_until_ready(stack, api, address, token)
        # The client's commands read both, because they run without this environment.
        Folder(data_dir).write_address(address)
        Folder(data_dir).write_token_rules(asdict(rules))
        print(_welcome(address, token, data_dir, time.monotonic() - began), flush=True)
        stack.watch()
        print("Stopping…", flush=True)
    print("Stopped.", flush=True)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli", *arguments]


def _environment(stack: Stack) -> dict[str, str]:
    """What the parts are told. Servers and secrets are always the stack's own; a few others may be set."""
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
                    f"Port {port} needs more rights than this user has. Choose one above 1023."
                ) from None
            except OSError:
                print(f"Port {port} is taken{_by_whom(host, port)}.", flush=True)
                continue
            return port
    if wanted is None:
        raise StackError(
            f"Ports {FIRST_PORT} to {candidates[-1]} of {host} are all taken. Choose one with --port."
        )
    whom = _by_whom(host, wanted) or " by another program"
    raise StackError(f"Port {wanted} of {host} is taken{whom}. Choose another with --port.")


def _by_whom(host: str, port: int) -> str:
    """Say so if the port is taken by a Waybill, as by a second `waybill up`."""
    address = f"http://{reachable_name(host)}:{port}"
    try:
        with urllib.request.urlopen(f"{address}/api/v1/openapi.json", timeout=2) as answer:  # noqa: S310  # http
            is_waybill = json.load(answer)["info"]["title"] == "Waybill"
    except (OSError, ValueError, KeyError, TypeError, HTTPException):
        return ""
    return f" by a Waybill that runs already: {address}" if is_waybill else ""


def _wait_until_ready(stack: Stack, api: Child, address: str, token: str) -> None:
    # Only the API of this stack accepts its token. If another program has taken the port meanwhile, that one
    # answers, and ours is about to fail.
    ready = urllib.request.Request(f"{address}/readyz")  # noqa: S310  # our own address
    own = urllib.request.Request(  # noqa: S310
        f"{address}/api/v1/files?limit=1", headers={"Authorization": f"Bearer {token}"}
    )
    deadline = time.monotonic() + READY_SECONDS
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
    raise StackError(f"The API does not answer at {address}. {api.obituary()}")


def _die_with_parent() -> None:
    """Be asked to stop when the parent dies: `kill -9` of `make up` then ends what make started."""
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

The pages and this line work as the owner "{DEMO_OWNER}", and so do, from this folder, waybill upload FILE,
waybill ls and waybill get ID; another's token: waybill token --sub NAME
Ctrl-C stops everything; the data stays.
"""
