"""A schema that is nobody's business."""

from collections.abc import Iterator

import httpx
import pytest
from graphql import get_introspection_query

from stack.stack import Stack
from tests.service import Service, running_service


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    with running_service(stack, introspection="false") as running:
        yield running


@pytest.mark.parametrize(
    "query",
    [
        get_introspection_query(),
        '{ __type(name: "File") { name } }',
        "{ __schema { types { name } } }",
        "{ flies { edges { cursor } } }",
        "{ files(frist: 1) { edges { cursor } } }",
        "query($status: FileStats) { files(status: $status) { edges { cursor } } }",
        "{ files(status: COMPLETE) { edges { cursor } } }",
    ],
)
async def test_nothing_is_told_of_the_schema(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query})
    body = response.json()
    assert "data" not in body
    assert {error["extensions"]["code"] for error in body["errors"]} == {"invalid_input"}
    assert "Did you mean" not in response.text


async def test_all_else_works(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ __typename files { edges { cursor } } }"})
    assert response.json() == {"data": {"__typename": "Query", "files": {"edges": []}}}
