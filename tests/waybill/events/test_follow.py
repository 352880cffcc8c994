"""One file that is followed while its owner's others change."""

from contextlib import aclosing

import pytest

from tests.waybill.conftest import insert_file
from waybill.events import follow
from waybill.platform.principal import Principal
from waybill.resources import Resources


async def test_the_line_is_not_silent_because_other_files_change(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT_SECONDS", 0)
    file = await insert_file(owner)
    async with aclosing(follow.follow_file(resources, Principal(owner), file.file_id)) as changes:
        assert isinstance(await anext(changes), follow.FileChange)
        await insert_file(owner)
        assert isinstance(await anext(changes), str)
