"""Load over HTTP, from wrk: a client that needs next to nothing of the machine."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Target:
    """One request, to be sent over and over."""

    url: str
    token: str
    method: str = "GET"
    body: Any = None


@dataclass(frozen=True)
class Load:
    """What came of it. All requests were answered, and none with an error."""

    per_second: float
    p50_ms: float
    p99_ms: float


def load(target: Target, *, seconds: float, connections: int = 16) -> Load:
    """Send the request over that many connections, each again as soon as it is answered.

    Raises:
        RuntimeError: a request failed, or wrk is not there.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is needed: apt-get install wrk")
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT), target.url, "--"]
    argv += [target.method, target.token]
    if target.body is not None:
        argv.append(json.dumps(target.body))
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    if report["failed"] or not report["requests"]:
        raise RuntimeError(f"{report['failed']} of {report['requests']} requests to {target.url} failed")
    return Load(report["requests"] / report["seconds"], report["p50_ms"], report["p99_ms"])
