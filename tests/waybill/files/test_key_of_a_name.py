"""An idempotency key is for one file, if that is a name which another request has made meanwhile."""

import hashlib
from typing import Any

import pytest

from tests.waybill.conftest import insert_file
from waybill.files import contents, repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.request import request_upload
from waybill.files.upload_request import UploadRequest
from waybill.platform.principal import Principal
from waybill.resources import Resources

SHA256 = hashlib.sha256(b"a").hexdigest()


class KilledError(BaseException):
    """Nothing catches it, as nothing does a kill."""


async def test_a_repeat_after_a_crash_returns_the_name_that_it_has_returned_before(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert_file(owner, status=Status.COMPLETED, sha256=SHA256, name="first")

    async def request(key: str) -> str:
        wanted = UploadRequest(name="second", size=1, sha256=SHA256)
        return (await request_upload(resources, Principal(owner), wanted, key)).file.file_id

    async def die(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(contents, "insert_name", die)
        with pytest.raises(KilledError):
            await request("killed")
    name = await request("another")
    assert await request("killed") == name
    await transitions.change(await repository.find(name), {}, name="renamed")
    assert await request("killed") == name
    assert await request("another") == name
