"""What is said about a server that does not answer."""

import pytest

from cli.client.outage import Outage
from tests.cli.client.terminal import COLUMNS
from waybill.client import ApiError, ClientError, RateLimited, Unreachable


@pytest.mark.parametrize(
    ("error", "notice", "short"),
    [
        (
            Unreachable("It does not answer."),
            "server unreachable, retrying (next try in 4 s)",
            "next try in 4 s",
        ),
        (ApiError("No.", code="x", status=503), "server answers 503, retrying (next try in 4 s)", "503, "),
        (
            RateLimited("No.", code="x", status=429),
            "too many requests, retrying (next try in 4 s)",
            "requests, ",
        ),
    ],
)
def test_an_outage_is_reported_once(error: ClientError, notice: str, short: str) -> None:
    outage, reports = Outage(), list[str]()
    outage.failed(error, 0.2, reports.append)
    assert reports == []
    outage.answered(503)
    for _ in range(3):
        outage.failed(error, 4, reports.append)
    assert reports == [f"{str(error).removesuffix('.')}: {notice}"]
    assert short in outage.notice(short=True)
    assert len(outage.notice(short=True)) <= COLUMNS
    outage.answered(200)
    assert (outage.notice(), outage.is_on) == ("", False)
    outage.failed(error, 4, reports.append)
    assert len(reports) == 2
