"""A restore beside other calls for the same file."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.waybill.conftest import kept
from waybill import documents
from waybill.documents import NOW, File, Later
from waybill.lifecycle import Status
from waybill.principal import Principal
from waybill.resources import Resources
from waybill.usecases.restore import restore_file


async def test_a_file_that_others_restored_and_deleted_again_comes_back(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await kept(
        owner,
        status=Status.COMPLETED,
        sha256="0" * 64,
        deleted_at=datetime.now(UTC) - timedelta(hours=1),
        purge_at=datetime.now(UTC) + timedelta(hours=1),
    )
    restore = documents.restore

    async def restore_too_late(*args: Any, **changes: Any) -> File | None:
        """Another was first, and a delete came behind it."""
        monkeypatch.setattr(documents, "restore", restore)
        assert await restore(*args, **changes) is not None
        await documents.change(file, {"deleted_at": None}, deleted_at=NOW, purge_at=Later(3600))
        return None

    monkeypatch.setattr(documents, "restore", restore_too_late)
    restored = await restore_file(resources, Principal(owner), file.file_id)
    assert restored.deleted_at is None
