"""Files of earlier releases are found once the walk has reached them."""

import pytest

from tests.waybill.conftest import new_file
from waybill.files import repository
from waybill.files.listing.filters import Filters, Order, Sort
from waybill.files.listing.query import find_page
from waybill.files.model import File
from waybill.files.usage import walk
from waybill.files.usage.laps import ask_for_lap


@pytest.mark.usefixtures("resources")
async def test_the_walk_adds_the_searched_form_of_names(owner: str) -> None:
    await repository.insert(new_file(owner, name="R\u00c9SUM\u00c9.pdf"))
    await File.get_motor_collection().update_one({"owner": owner}, {"$unset": {"name_search": 1}})
    await ask_for_lap()
    while await walk.walk_on(has_quota=False):
        pass
    filters = Filters(name_prefix="r\u00e9s", name_part="PDF")
    found = await find_page(owner, filters, Sort.CREATED_AT, Order.ASC, limit=1, after=None)
    assert [file.name for file in found.files] == ["R\u00c9SUM\u00c9.pdf"]
