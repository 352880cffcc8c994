"""`make soak`: many clients of every kind, for minutes, while what serves them is killed at random.

Ends with a report, and with exit code 1 where anything was lost, left behind or leaked.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

from stack.stack import Stack
from tests.actors.conftest import orphans
from tests.soak.clients import Crowd
from tests.soak.fleet import Fleet, start_fleet
from tests.soak.memory import Memory


async def soak(fleet: Fleet, seconds: float, clients: int, uploads: int) -> bool:
    """Run it all; whether everything is as it must be."""
    crowd = Crowd(fleet, clients, uploads, seconds)
    memory = Memory(fleet)
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(memory.watch())
        killing = tasks.create_task(fleet.kill_at_random())
        await crowd.work()
        killing.cancel()
        watching.cancel()
    worked = f"{time.monotonic() - began:.0f} s"
    await asyncio.to_thread(fleet.revive)
    wrong = await crowd.verdicts()
    left = await asyncio.to_thread(orphans, fleet.service, "--older-than", "0")
    unwanted = await crowd.unwanted_objects()
    made = len(crowd.expected) + crowd.known
    print(
        f"{made} uploads by {clients} clients in {worked}; {time.monotonic() - began:.0f} s with the checks."
    )
    print(f"{crowd.known} of them needed no upload, for the content was there.")
    print(f"Kinds: {_told(Counter(expected.kind for expected in crowd.expected.values()))}.")
    print(f"Killed: {_told(fleet.killed)}. Repeats by clients: {crowd.repeats}.")
    print(f"Wrong or not final: {len(wrong)}; orphans: {len(left)}; unwanted objects: {len(unwanted)}.")
    print("\n".join(f"  {line}" for line in wrong[:20]))
    print(memory.report())
    return made >= uploads and not wrong and not left and not unwanted and memory.is_flat()


def _told(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.most_common())


def main() -> int:
    """Read the options, and run."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--uploads", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        fleet = start_fleet(stack)
        return 0 if asyncio.run(soak(fleet, options.seconds, options.clients, options.uploads)) else 1


raise SystemExit(main())
