"""One Waybill on the embedded stack: an API and a worker, on a database, bucket and queues of its own."""

import asyncio
import itertools
import os
import random
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from cli.serve import initialise
from stack.ports import is_free
from stack.stack import Child, Stack
from tests.store import BUCKET_PREFIX
from tests.waiting import wait_until, watch
from waybill.platform.settings import Settings
from waybill.platform.tokens import make_token
from waybill.resources import redis_client

_further = itertools.count(2)
_numbers = itertools.count()
_ports = itertools.count(random.randrange(1000))
_taken: dict[Path, set[int]] = defaultdict(set)


@dataclass
class Service:
    """What a test needs of a running Waybill."""

    address: str
    settings: Settings
    stack: Stack
    env: Mapping[str, str]
    api: Child
    worker: Child
    number: int
    further: list[Child] = field(default_factory=list)

    def token(self, owner: str, **options: Any) -> str:
        """A good token for that owner."""
        assert self.settings.jwt_secret is not None
        options.setdefault("lifetime", timedelta(hours=1))
        return make_token(self.settings.jwt_secret.get_secret_value(), owner, **options)

    def client(self, owner: str | None, *, retries_503: bool = False) -> httpx.AsyncClient:
        """Return an HTTP client with that owner's token, or none.

        ``retries_503``: it repeats a request after a 503.
        """
        return httpx.AsyncClient(
            base_url=self.address,
            headers={} if owner is None else {"Authorization": f"Bearer {self.token(owner)}"},
            timeout=30,
            transport=RetryTransport() if retries_503 else None,
        )


#: How services end. A killed process would write no coverage.
_end = Child.stop if "COVERAGE_PROCESS_CONFIG" in os.environ else Child.kill


class Repeated503(UserWarning):
    """A request was repeated after a 503. The report of the run lists them, so that real ones are seen."""


class RetryTransport(httpx.AsyncHTTPTransport):
    """Repeats a request after a 503, like clients. For tests in which a server fails."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(5):
            response = await super().handle_async_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            body = (await response.aread()).decode(errors="replace")
            warnings.warn(f"{request.method} {request.url.path}: {body}", Repeated503, stacklevel=2)
            await asyncio.sleep(int(response.headers["retry-after"]))
        return response


def start_service(stack: Stack, **overrides: str) -> Service:
    """Start an API and a worker with WAYBILL_* settings of the test's choice, and wait until they serve."""
    watch(stack)
    name = f"service-{next(_numbers)}"
    # Valkey has sixteen databases: two services in one would share their queues.
    number = min(set(range(16)) - _taken[stack.folder])
    _taken[stack.folder].add(number)
    store = stack.addresses
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")},
        **stack.env(),
        "WAYBILL_MONGODB_DATABASE": name,
        "WAYBILL_REDIS_URL": store.redis_url.removesuffix("/0") + f"/{number}",
        "WAYBILL_S3_BUCKET": f"{BUCKET_PREFIX}{name}",
        "WAYBILL_SWEEP_INTERVAL": "1",
        # A file that fails does so within seconds, and leaves nothing.
        "WAYBILL_VERIFY_RETRY_DELAY": "0.2",
        "WAYBILL_FAILED_RETENTION": "0",
        # Receivers are on this machine.
        "WAYBILL_WEBHOOK_ALLOW_PRIVATE": "true",
        **{f"WAYBILL_{key.upper()}": value for key, value in overrides.items()},
    }
    given: dict[str, Any] = {
        key.removeprefix("WAYBILL_").lower(): value
        for key, value in env.items()
        if key.startswith("WAYBILL_")
    }
    settings = Settings(**given)
    # As `waybill up` does: its pages send to the store, which knows no star in place of a port.
    any_port = settings.embedded or "http://127.0.0.1:*" in settings.cors_origins
    asyncio.run(initialise(settings, bucket_origins=["*"] if any_port else None))
    service = _start_processes(name, settings, stack, env, number)
    _wait_until_ready(service)
    return service


def start_beside(service: Service) -> Service:
    """Start one more API and worker on the same servers, and wait until they serve.

    They are stopped with ``service``.
    """
    name = f"{service.settings.mongodb_database}-{next(_further)}"
    beside = _start_processes(name, service.settings, service.stack, service.env, service.number)
    service.further += [beside.api, beside.worker]
    _wait_until_ready(beside)
    return beside


def _start_processes(
    name: str, settings: Settings, stack: Stack, env: Mapping[str, str], number: int
) -> Service:
    port = free_port()
    api = stack.spawn(f"{name}-api", [sys.executable, "-m", "cli", "api", "--port", str(port)], env)
    worker = stack.spawn(f"{name}-worker", [sys.executable, "-m", "cli", "worker"], env)
    return Service(f"http://127.0.0.1:{port}", settings, stack, env, api, worker, number)


@contextmanager
def running_service(stack: Stack, **overrides: str) -> Iterator[Service]:
    """A service for as long as the context lasts: two idle processes are a burden to those that follow."""
    service = start_service(stack, **overrides)
    try:
        yield service
    finally:
        # Nothing of it is used again. How processes stop is tested elsewhere, and takes them a second.
        for child in (service.api, service.worker, *service.further):
            _end(child)
        with redis_client(service.settings) as client:
            client.flushdb()
        _taken[stack.folder].remove(service.number)


def start_worker(service: Service, *options: str, **variables: str) -> Child:
    """Start one more worker, with further options and environment variables."""
    name = f"{service.settings.mongodb_database}-worker-{next(_further)}"
    env = {**service.env, **variables}
    worker = service.stack.spawn(name, [sys.executable, "-m", "cli", "worker", *options], env)
    service.further.append(worker)
    return worker


def free_port() -> int:
    """A port that is free, and that no other test process of this run takes before it is bound."""
    # Below the ports of stacks, and of outgoing connections.
    first = 12_000 + 1000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8)
    return next(port for port in (first + next(_ports) % 1000 for _ in range(1000)) if is_free(port))


def _wait_until_ready(service: Service) -> None:
    def is_ready() -> bool:
        try:
            return client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    with httpx.Client(base_url=service.address) as client:
        wait_until(is_ready, service.api.exit_report, 30)
