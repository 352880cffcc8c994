"""What a second API process adds."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import psutil

from bench.load import Target
from bench.measure import Row, at_least, compare
from bench.requests import UPLOAD_REQUEST, rate
from bench.stand import OWNER, api_alone, spawned, wait_until_answered
from stack.stack import Stack
from tests.service import Service, free_port

CGROUPS = Path("/sys/fs/cgroup")
#: Of a core, for each API process. Two of them with wrk and the database beside them fit into one core.
SHARE = 0.25

_numbers = count()


def processes(stack: Stack) -> Iterator[Row]:
    """Two processes against one, getting a file, sixteen connections to each."""
    with (
        api_alone(stack) as service,
        _api(service, 1) as (one, pids_of_one),
        _api(service, 2) as (two, pids_of_two),
    ):
        doubled = partial(
            compare,
            ours=rate(_get(service, two), 32),
            against="one",
            theirs=rate(_get(service, one), 16),
            unit="/s",
            goal=at_least(1.7),
        )
        yield doubled(
            "two API processes, get a file",
            remark=lambda: "the machine's cores, which wrk and MongoDB share, are the limit",
        )
        with _limited(pids_of_one), _limited(pids_of_two):
            yield doubled(
                f"the same, {SHARE:.0%} of a core for each process",
                remark=lambda: "the processes are the limit",
            )


@contextmanager
def _api(service: Service, number: int) -> Iterator[tuple[str, list[int]]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with spawned(service, "-m", "cli", "api", "--port", str(port), "--processes", str(number)) as child:
        wait_until_answered(f"{address}/healthz", child)
        family = [
            each for each in psutil.Process(child.pid).children() if "spawn_main" in " ".join(each.cmdline())
        ]
        yield address, [each.pid for each in family] or [child.pid]


def _get(service: Service, address: str) -> Target:
    token = service.token(OWNER)
    files = f"{address}/api/v1/files"
    bearer = {"Authorization": f"Bearer {token}"}
    requested = httpx.post(f"{files}/upload-request", json=UPLOAD_REQUEST, headers=bearer).raise_for_status()
    return Target(f"{files}/{requested.json()['file']['id']}", token)


@contextmanager
def _limited(pids: list[int]) -> Iterator[None]:
    """Give each process a share of a core of its own. Needs root, and cgroups of either version."""
    folders = [_group() for _ in pids]
    try:
        for folder, pid in zip(folders, pids, strict=True):
            (folder / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for folder in folders:
            for moved in (folder / "cgroup.procs").read_text().split():
                (folder.parent / "cgroup.procs").write_text(moved)
            folder.rmdir()


def _group() -> Path:
    period = 20_000
    quota = round(SHARE * period)
    is_first_version = (CGROUPS / "cpu").is_dir()
    folder = (CGROUPS / "cpu" if is_first_version else CGROUPS) / f"waybill-bench-{next(_numbers)}"
    folder.mkdir()
    if is_first_version:
        (folder / "cpu.cfs_period_us").write_text(str(period))
        (folder / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (folder / "cpu.max").write_text(f"{quota} {period}")
    return folder
