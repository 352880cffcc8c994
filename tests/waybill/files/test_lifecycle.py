"""The table of arrows."""

import pytest

from waybill.files.lifecycle import ARROWS, Status, is_final, sources


def test_every_status_is_in_the_table() -> None:
    assert set(ARROWS) == set(Status)


def test_every_status_leads_to_a_final_one() -> None:
    for status in Status:
        reached = {status}
        while True:
            further = reached.union(*(ARROWS[one] for one in reached))
            if further == reached:
                break
            reached = further
        assert any(is_final(one) for one in reached)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.DUPLICATE, Status.FAILED, Status.EXPIRED])
def test_a_final_status_stays(status: Status) -> None:
    assert is_final(status)
    assert all(status not in sources(target) for target in Status)


def test_nothing_is_completed_without_verification() -> None:
    assert sources(Status.COMPLETED) == {Status.PROCESSING}
    assert sources(Status.PROCESSING) == {Status.PENDING}
