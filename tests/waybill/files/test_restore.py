"""A restore beside other calls for the same file."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.waybill.conftest import insert_file
from waybill.files import handover, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.restore import restore_file
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.principal import Principal
from waybill.resources import Resources


async def test_a_file_that_others_restored_and_deleted_again_comes_back(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await insert_file(
        owner,
        status=Status.COMPLETED,
        sha256="0" * 64,
        deleted_at=datetime.now(UTC) - timedelta(hours=1),
        purge_at=datetime.now(UTC) + timedelta(hours=1),
    )
    restore = transitions.restore

    async def restore_too_late(*args: Any, **changes: Any) -> File | None:
        """Another was first, and a delete came behind it."""
        monkeypatch.setattr(transitions, "restore", restore)
        assert await restore(*args, **changes) is not None
        await transitions.change(file, {"deleted_at": None}, deleted_at=NOW, purge_at=InSeconds(3600))
        return None

    monkeypatch.setattr(transitions, "restore", restore_too_late)
    restored = await restore_file(resources, Principal(owner), file.file_id)
    assert restored.deleted_at is None


async def test_a_name_comes_back_though_the_holder_of_its_content_was_faster(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = {
        "sha256": "0" * 64,
        "deleted_at": datetime.now(UTC) - timedelta(hours=1),
        "purge_at": datetime.now(UTC) + timedelta(hours=1),
    }
    holder = await insert_file(owner, status=Status.COMPLETED, **deleted)
    name = await insert_file(owner, status=Status.DUPLICATE, duplicate_of=holder.id, **deleted)
    restore = handover.restore_from_trash

    async def restore_too_late(*args: Any) -> File | None:
        monkeypatch.setattr(handover, "restore_from_trash", restore)
        await restore_file(resources, Principal(owner), holder.file_id)
        return await restore(*args)

    monkeypatch.setattr(handover, "restore_from_trash", restore_too_late)
    restored = await restore_file(resources, Principal(owner), name.file_id)
    assert (restored.status, restored.duplicate_of) == (Status.DUPLICATE, holder.id)
