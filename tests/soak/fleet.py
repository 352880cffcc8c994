"""What is soaked: two API processes and two workers, of each one that dies and one that is watched."""

import asyncio
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

from stack.stack import Child, Stack
from tests.service import Service, free_port, start_service

#: Seconds between two kills, and until what was killed is back.
CALM = (4.0, 12.0)
ABSENCE = (0.0, 3.0)


@dataclass
class Fleet:
    """The processes. ``service`` has those that live on."""

    service: Service
    addresses: list[str]
    mortals: dict[str, Child]
    killed: Counter[str] = field(default_factory=Counter)

    async def kill_at_random(self) -> None:
        """Kill one after another, until cancelled."""
        while True:
            await asyncio.sleep(random.uniform(*CALM))
            name = random.choice(list(self.mortals))
            await asyncio.to_thread(self.mortals[name].kill)
            self.killed[name] += 1
            await asyncio.sleep(random.uniform(*ABSENCE))
            await asyncio.to_thread(self.mortals[name].restart)

    def revive(self) -> None:
        """Start what was dead when the killing ended."""
        for child in self.mortals.values():
            if child.exit_code() is not None:
                child.restart()


def start_fleet(stack: Stack) -> Fleet:
    """Start everything. Uploads expire within the run, so that expiry takes part."""
    service = start_service(stack, upload_url_ttl="60", upload_grace="30")
    port = free_port()
    command = [sys.executable, "-m", "cli"]
    return Fleet(
        service,
        [service.address, f"http://127.0.0.1:{port}"],
        {
            "API": stack.spawn("killed-api", [*command, "api", "--port", str(port)], service.env),
            "worker": stack.spawn("killed-worker", [*command, "worker"], service.env),
            "Valkey": stack.child("valkey"),
        },
    )
