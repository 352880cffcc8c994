"""The contracts on disk are those of the code."""

from pathlib import Path

from api.graphql.schema import create_schema

ROOT = Path(__file__).parents[1]


def test_the_exported_schema_is_not_stale() -> None:
    exported = (ROOT / "schema.graphql").read_text()
    assert exported == create_schema().as_str() + "\n", "run: waybill schema > schema.graphql"
