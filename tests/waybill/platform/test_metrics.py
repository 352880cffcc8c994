"""Several processes that count in one folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from waybill.platform.metrics import recorded

COUNT = "from waybill.platform.metrics import SUBSCRIBERS, count_request; SUBSCRIBERS.inc(); "
COUNT += "count_request('rest', 'getFile', 'ok', 0.1)"


def test_who_was_killed_has_counted_and_follows_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for end in ("", "; print(flush=True); input()"):
        child = subprocess.Popen(
            [sys.executable, "-c", COUNT + end], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with child:
            if end:
                assert child.stdout is not None
                child.stdout.readline()
                text = recorded().decode()
            else:
                child.wait()
    assert 'waybill_requests_total{code="ok",operation="getFile",protocol="rest"} 2.0' in text
    assert "waybill_followers 1.0" in text
