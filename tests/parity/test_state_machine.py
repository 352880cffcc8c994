"""Random sequences of operations, through both APIs in turn; what must always hold, checked after each.

`make faults` runs many more and longer ones.
"""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from stack.stack import Stack
from tests.contents import check_contents
from tests.faults.table import LONG, NOTES
from tests.parity.state_machine import machine_for
from tests.service import Service, running_service

EXAMPLES, STEPS = (20, 50) if LONG else (6, 20)


@pytest.fixture(params=["0", "3600"], ids=["without trash", "with trash"])
def service(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, because its whole bucket is checked."""
    with running_service(stack, purge_delay=request.param) as running:
        yield running


def test_whatever_is_done_what_must_hold_holds(service: Service) -> None:
    machine, counted = machine_for(service)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    held = asyncio.run(check_contents(service))
    NOTES.append(f"trash {service.settings.purge_delay} s: {dict(sorted(counted.items()))}; {held}")
