"""Clients of GraphQL: Apollo's with the types of GraphQL Code Generator, and Relay's compiler."""

import re
from pathlib import Path

from tests.generators.conftest import Program
from tests.parity.apis import RestApi
from tests.service import Service


async def test_apollos_client_uploads_a_file_and_falls_back_from_hashes(program: Program) -> None:
    found = await program("apollo")
    assert found["status"] == "COMPLETED"
    # A hash once, which is refused, and documents ever after.
    assert [each.split()[1] for each in found["requests"]] == ["hash", "document", "document"]


async def test_relays_compiler_refetches_a_file_by_its_id(folder: Path, service: Service, owner: str) -> None:
    compiled = (folder / "relay" / "__generated__" / "filesRowQuery.graphql.ts").read_text()
    found = re.search(r'"text": "(query .*)"$', compiled, re.MULTILINE)
    assert found is not None
    query = found[1].replace("\\n", "\n")
    assert "node(id: $id)" in query
    async with service.client(owner) as client:
        file_id = (await RestApi(client).request(name="a.txt", size=1)).id
        body = {"query": query, "variables": {"id": file_id}}
        node = (await client.post("/graphql", json=body)).json()["data"]["node"]
    assert (node["__typename"], node["id"], node["name"]) == ("File", file_id, "a.txt")
