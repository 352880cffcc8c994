"""Whether the processes that live on grow."""

import asyncio
import statistics

import psutil

from tests.soak.fleet import Fleet

MIB = 1024**2

#: The share of the run in which a process may grow, and by how much it may grow after that.
WARM_UP = 0.25
GROWTH = 0.10


class Memory:
    """The resident memory of the API and the worker that are not killed."""

    def __init__(self, fleet: Fleet) -> None:
        children = {"API": fleet.service.api, "worker": fleet.service.worker}
        self._processes = {name: psutil.Process(child.pid) for name, child in children.items()}
        self._samples: dict[str, list[int]] = {name: [] for name in children}

    async def watch(self) -> None:
        """Take samples, until cancelled."""
        while True:
            for name, process in self._processes.items():
                self._samples[name].append(process.memory_info().rss)
            await asyncio.sleep(1)

    def report(self) -> str:
        """One line for each process."""
        lines = []
        for name in self._processes:
            first, last = self._ends(name)
            lines.append(
                f"Memory of the {name}: {first / MIB:.1f} MiB after warm-up, {last / MIB:.1f} MiB at the end"
                f" ({last / first - 1:+.1%})."
            )
        return "\n".join(lines)

    def is_flat(self) -> bool:
        """Whether none has grown by more than ``GROWTH`` since its warm-up."""
        ends = map(self._ends, self._processes)
        return all(last <= first * (1 + GROWTH) for first, last in ends)

    def _ends(self, name: str) -> tuple[float, float]:
        """The median of the first and of the last eighth of what comes after the warm-up."""
        samples = self._samples[name]
        flat = samples[int(len(samples) * WARM_UP) :]
        end = max(1, len(flat) // 8)
        return statistics.median(flat[:end]), statistics.median(flat[-end:])
