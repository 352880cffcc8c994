"""`waybill init` on stores that lack something, and the policies that it prints."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.forking import run_command
from tests.service import Service
from waybill.platform.s3.policies import main_policy, upload_policy

NO_RULES = b'<?xml version="1.0"?><LifecycleConfiguration></LifecycleConfiguration>'


@pytest.fixture
def store(service: Service) -> Iterator[StoreProxy]:
    with background_loop() as loop, running_store_proxy(loop, service.settings.s3_endpoint_url) as running:
        yield running


def init(service: Service, store: StoreProxy, origins: str = "") -> str:
    changes = {"WAYBILL_S3_ENDPOINT_URL": store.address, "WAYBILL_S3_BUCKET": "init-of-stores"}
    done = run_command("init", env={**service.env, **changes, "WAYBILL_CORS_ORIGINS": origins})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def notes(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("note")]


def test_the_policies_of_both_keys_are_printed(service: Service, store: StoreProxy) -> None:
    printed = [json.loads(policy) for policy in re.findall(r"^\{$.*?^\}$", init(service, store), re.M | re.S)]
    assert printed == [main_policy("init-of-stores"), upload_policy("init-of-stores")]


@pytest.mark.bucket_rules
def test_a_store_that_has_everything_gets_no_note(service: Service, store: StoreProxy) -> None:
    assert notes(init(service, store, "https://a.example")) == []


@pytest.mark.bucket_rules
def test_a_store_without_lifecycle_rules_gets_the_others(service: Service, store: StoreProxy) -> None:
    """As MinIO: there are none, as an error, and ours is refused."""
    store.inject("GET", path="lifecycle", status=404, code="NoSuchLifecycleConfiguration")
    store.inject("PUT", path="lifecycle", status=400, code="InvalidArgument")
    [note] = notes(init(service, store, "https://a.example"))
    assert "refuses a lifecycle rule for abandoned uploads in parts (InvalidArgument)" in note
    assert ("PUT", "/init-of-stores?cors", "") in store.seen


@pytest.mark.bucket_rules
def test_an_answer_without_rules_has_none(service: Service, store: StoreProxy) -> None:
    store.inject("GET", path="lifecycle", status=200, body=NO_RULES)
    assert notes(init(service, store)) == []


@pytest.mark.bucket_rules
def test_a_store_without_cors_rules_is_named_once(service: Service, store: StoreProxy) -> None:
    store.inject("PUT", path="cors", status=501, code="NotImplemented")
    [note] = notes(init(service, store, "https://a.example"))
    assert "has no CORS rules per bucket" in note
