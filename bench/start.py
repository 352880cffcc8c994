"""How long it takes until the API answers."""

import time
from collections.abc import Callable, Iterator

from bench.measure import Row, at_most_more, compare
from bench.stand import api_alone, served, uvicorn
from stack.stack import Stack
from tests.service import Service


def start(stack: Stack) -> Iterator[Row]:
    """From the command to the first answer."""
    with api_alone(stack) as service:
        yield compare(
            "start of `waybill api`",
            _time_of_start(service, "-m", "cli", "api"),
            "an empty Starlette on Uvicorn",
            _time_of_start(service, *uvicorn("bench.floors.empty:app")),
            unit="s",
            goal=at_most_more(1.2, "s"),
        )


def _time_of_start(service: Service, *argv: str) -> Callable[[], float]:
    def measure() -> float:
        began = time.perf_counter()
        with served(service, *argv):
            return time.perf_counter() - began

    # Once without counting: modules are compiled, and files read into memory.
    measure()
    return measure
