"""Clients in TypeScript that are generated from the OpenAPI document."""

import pytest

from tests.generators.conftest import Program


@pytest.mark.parametrize("name", ["openapi-fetch", "hey-api"])
async def test_a_generated_client_uploads_a_file(program: Program, name: str) -> None:
    assert await program(name) == {"status": "COMPLETED", "code": "file_not_found"}


async def test_ajv_compiles_every_schema_and_finds_answers_valid(program: Program) -> None:
    found = await program("ajv")
    assert found["wrong"] == []
    assert found["compiled"] > 100
