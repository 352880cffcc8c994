"""What is measured, running: the embedded stack, an API, workers, and the floors beside them."""

import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from stack.stack import Child, Stack
from tests.service import Service, free_port, running_service

OWNER = "bench"

_numbers = itertools.count()


@contextmanager
def api_alone(stack: Stack, **overrides: str) -> Iterator[Service]:
    """An API without a worker, on a database of its own."""
    with running_service(stack, **overrides) as service:
        service.worker.stop()
        yield service


@contextmanager
def spawned(service: Service, *argv: str, program: str = sys.executable, **variables: str) -> Iterator[Child]:
    """A process beside a service, Python by default, with that service's settings and further variables."""
    name = f"bench-{next(_numbers)}"
    child = service.stack.spawn(name, [program, *argv], {**service.env, **variables})
    try:
        yield child
    finally:
        child.stop()


@contextmanager
def served(service: Service, *argv: str, program: str = sys.executable, **variables: str) -> Iterator[str]:
    """An HTTP server beside a service; its address, once it answers. ``argv`` lacks the port alone."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with spawned(service, *argv, "--port", str(port), program=program, **variables) as child:
        wait_until_answered(f"{address}/healthz", child)
        yield address


def uvicorn(app: str) -> tuple[str, ...]:
    """The command of an application that is served as plainly as can be."""
    return ("-m", "uvicorn", app, "--no-access-log", "--log-level=warning")


def wait_until_answered(url: str, child: Child, seconds: float = 30) -> None:
    """Return at the first response, with any status."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            if child.died() or time.monotonic() > deadline:
                raise RuntimeError(child.exit_report()) from None
            time.sleep(0.005)
