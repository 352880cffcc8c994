"""`waybill doctor`, on a stack that is well and on some that are not."""

import pytest

from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import running_store_proxy
from tests.forking import run_command
from tests.relay import relay
from tests.service import Service, free_port


def run(service: Service, **changes: str) -> tuple[int, list[str]]:
    env = {**service.env, **{f"WAYBILL_{name.upper()}": value for name, value in changes.items()}}
    result = run_command("doctor", env=env)
    assert "Traceback" not in result.stderr, result.stderr
    return result.returncode, result.stdout.splitlines()


def failing(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("ok")]


def test_on_the_embedded_stack_all_is_proven(service: Service) -> None:
    code, lines = run(service)
    assert failing(lines) == []
    assert code == 0
    assert len(lines) >= 9


def test_a_public_endpoint_that_cannot_be_reached_is_named(service: Service) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    code, lines = run(service, s3_public_endpoint_url=address)
    assert code == 1
    assert all(address in line for line in failing(lines))
    assert len(failing(lines)) >= 5


def test_a_wrong_key_is_found(service: Service) -> None:
    code, lines = run(service, s3_secret_key="not-the-right-one")
    assert code == 1
    assert failing(lines)


def test_a_wrong_upload_key_proves_no_refusal(service: Service) -> None:
    """It is refused, too, and not because of what the check has changed."""
    code, lines = run(service, s3_upload_secret_key="not-the-right-one")
    assert code == 1
    assert "it answered 403 to a valid upload" in failing(lines)[0]
    assert not [line for line in lines if "refuses" in line and line.startswith("ok    the store")]


def test_an_upload_key_that_may_do_more_is_found(service: Service) -> None:
    settings = service.settings
    key = {"s3_upload_access_key": settings.s3_access_key}
    code, lines = run(service, s3_upload_secret_key=settings.s3_secret_key.get_secret_value(), **key)
    assert code == 1
    line = failing(lines)[-1]
    assert line.startswith("FAIL  the upload key can neither read, list nor delete: ")
    assert "can also read objects, list the bucket, delete objects" in line


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [("GET", "uploadId", "ListParts"), ("POST", "uploads", "CreateMultipartUpload")],
)
def test_a_store_without_uploads_in_parts_is_named(
    service: Service, method: str, path: str, operation: str
) -> None:
    public = service.settings.public_endpoint_url
    with background_loop() as loop, running_store_proxy(loop, service.settings.s3_endpoint_url) as store:
        store.inject(method, path=path, status=501, code="NotImplemented")
        code, lines = run(service, s3_endpoint_url=store.address, s3_public_endpoint_url=public)
    assert code == 1
    assert f"The object store does not support {operation}" in failing(lines)[0]
    assert failing(lines)[0].startswith("FAIL  an upload in parts can be sent, listed and completed: ")


def test_a_missing_bucket_is_found(service: Service) -> None:
    code, lines = run(service, s3_bucket="no-such-bucket")
    assert code == 1
    assert "bucket" in failing(lines)[0]


@pytest.mark.bucket_rules
def test_an_origin_that_the_bucket_does_not_know_is_named(service: Service) -> None:
    bucket = {"WAYBILL_S3_BUCKET": "doctor-cors", "WAYBILL_CORS_ORIGINS": "https://known.example"}
    assert run_command("init", env={**service.env, **bucket}).returncode == 0
    code, lines = run(service, s3_bucket="doctor-cors", cors_origins="https://known.example")
    assert (code, failing(lines)) == (0, [])
    code, lines = run(service, s3_bucket="doctor-cors", cors_origins="https://elsewhere.example")
    assert code == 1
    [line] = failing(lines)
    assert "https://elsewhere.example" in line
    assert "waybill init" in line


CHECKSUM = "the store returns the SHA-256 that it verified"


def test_the_store_tells_what_it_has_verified(service: Service) -> None:
    code, lines = run(service, verify="store")
    assert code == 0
    assert f"ok    {CHECKSUM}" in lines


def test_a_store_that_does_not_is_a_failure_only_where_it_is_to_verify(service: Service) -> None:
    public = service.settings.public_endpoint_url
    with relay(service.settings.s3_endpoint_url) as wire:
        wire.mute = True
        addresses = {"s3_endpoint_url": wire.address, "s3_public_endpoint_url": public}
        code, lines = run(service, **addresses)
        assert code == 0
        [note] = failing(lines)
        assert note.startswith(f"note  {CHECKSUM}: ")
        code, lines = run(service, verify="store", **addresses)
        assert code == 1
        [failure] = failing(lines)
        assert failure.startswith(f"FAIL  {CHECKSUM}: ")
        assert "WAYBILL_VERIFY=always" in failure


def test_nothing_is_left_in_the_bucket(service: Service) -> None:
    run(service)
    listed = run_command("orphans", "--older-than", "0", env=service.env)
    assert listed.returncode == 0, listed.stderr
    assert "doctor/" not in listed.stdout
