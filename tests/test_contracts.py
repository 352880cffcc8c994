"""The contracts on disk are those of the code."""

import re
from pathlib import Path

from api.graphql.schema import create_schema
from waybill.platform.s3 import error_codes

ROOT = Path(__file__).parents[1]


def test_the_exported_schema_is_not_stale() -> None:
    exported = (ROOT / "schema.graphql").read_text()
    assert exported == create_schema().as_str() + "\n", "run: waybill schema > schema.graphql"


def test_the_page_knows_the_codes_of_stores_that_the_server_knows() -> None:
    text = (ROOT / "web/src/page/store-codes.ts").read_text()
    listed = {name: set(re.findall(r'"(\w+)"', codes)) for name, codes in re.findall(r"(\w+) = (.*);", text)}
    for name in ("WRONG_CONTENT", "UPLOAD_GONE"):
        assert listed[name] == getattr(error_codes, name)
    assert listed["INVALID_REQUEST"] == {error_codes.INVALID_REQUEST}
