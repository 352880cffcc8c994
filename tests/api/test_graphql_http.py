"""GraphQL over HTTP: media types and status codes, after the draft specification's own audit."""

import json
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
ACCEPTS = [GRAPHQL_JSON, JSON]


async def post(client: httpx.AsyncClient, body: Any, accept: str | None = GRAPHQL_JSON) -> httpx.Response:
    headers = {"Content-Type": JSON} | ({} if accept is None else {"Accept": accept})
    return await client.post("/graphql", content=json.dumps(body), headers=headers)


def media_type(response: httpx.Response) -> str:
    kind, _, parameters = response.headers["content-type"].partition(";")
    assert parameters.strip() == "charset=utf-8"
    return kind


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (JSON, JSON),
        ("*/*", JSON),
        (None, JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{JSON}, {GRAPHQL_JSON};q=0.9", JSON),
        (f"{GRAPHQL_JSON};q=0, {JSON}", JSON),
        ("application/*", JSON),
    ],
)
async def test_the_answer_has_the_type_that_is_accepted(
    anonymous: httpx.AsyncClient, accept: str | None, answered: str
) -> None:
    anonymous.headers.pop("accept")
    response = await post(anonymous, {"query": "{ __typename }"}, accept)
    assert response.status_code == 200
    assert media_type(response) == answered
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_a_type_that_we_do_not_have_is_not_acceptable(anonymous: httpx.AsyncClient) -> None:
    assert (await post(anonymous, {"query": "{ __typename }"}, "image/png")).status_code == 406


async def test_queries_may_come_by_get(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get(
        "/graphql",
        params={"query": "query($a: Boolean!) { __typename @include(if: $a) }", "variables": '{"a": true}'},
        headers={"Accept": GRAPHQL_JSON},
    )
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_no_mutation_by_get(client: httpx.AsyncClient, accept: str) -> None:
    query = 'mutation { requestUpload(input: {name: "a", size: 1}) { file { id } } }'
    response = await client.get("/graphql", params={"query": query}, headers={"Accept": accept})
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
    assert (await client.get("/api/v1/files")).json()["items"] == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": {"obj": "ect"}},
        {"query": 0},
        {"query": False},
        {"query": ["array"]},
        {"query": "{ __typename }", "operationName": {"a": 1}},
        {"query": "{ __typename }", "operationName": 0},
        {"query": "{ __typename }", "variables": "text"},
        {"query": "{ __typename }", "variables": 0},
        {"query": "{ __typename }", "variables": ["array"]},
        {"query": "{ __typename }", "extensions": "text"},
        {"query": "{ __typename }", "extensions": ["array"]},
        "text",
        7,
        None,
    ],
    ids=repr,
)
async def test_a_request_that_is_not_well_formed_is_400(
    anonymous: httpx.AsyncClient, body: Any, accept: str
) -> None:
    response = await post(anonymous, body, accept)
    assert response.status_code == 400
    assert "data" not in response.json()
    assert response.json()["errors"][0]["extensions"]["code"] == "invalid_input"


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_what_is_not_json_is_400(anonymous: httpx.AsyncClient, accept: str) -> None:
    for content in (b"{ not json", b"", b"\xff\xfe", b'{"query": "{ __typename }'):
        response = await anonymous.post(
            "/graphql", content=content, headers={"Accept": accept, "Content-Type": JSON}
        )
        assert response.status_code == 400
        assert "data" not in response.json()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_does_not_claim_to_be_json_is_415(
    anonymous: httpx.AsyncClient, content_type: str
) -> None:
    response = await anonymous.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"Content-Type": content_type}
    )
    assert response.status_code == 415


async def test_null_parameters_are_as_good_as_none(anonymous: httpx.AsyncClient) -> None:
    body = {"query": "{ __typename }", "operationName": None, "variables": None, "extensions": None}
    assert (await post(anonymous, body)).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "{ noSuchField }",
        "query A { __typename } query B { __typename }",
        "query($id: ID!) { file(id: $id) { id } }",
    ],
    ids=["syntax", "validation", "operation", "variable"],
)
@pytest.mark.parametrize(("accept", "status"), [(GRAPHQL_JSON, 400), (JSON, 200)])
async def test_an_operation_that_cannot_run_has_no_data(
    client: httpx.AsyncClient, query: str, accept: str, status: int
) -> None:
    response = await post(client, {"query": query}, accept)
    assert response.status_code == status
    assert "data" not in response.json()
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"invalid_input"}


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_an_error_of_a_field_leaves_the_rest_answered(client: httpx.AsyncClient, accept: str) -> None:
    query = '{ __typename file(id: "nope") { id } }'
    response = await post(client, {"query": query}, accept)
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query", "file": None}
    [error] = response.json()["errors"]
    assert error["path"] == ["file"]
    assert error["extensions"]["code"] == "file_not_found"


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_without_a_token_the_whole_request_is_refused(
    anonymous: httpx.AsyncClient, accept: str
) -> None:
    response = await post(anonymous, {"query": "{ files { edges { cursor } } }"}, accept)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "unauthenticated"


async def test_a_body_over_64_kib_is_refused(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": "{ __typename } #" + "x" * 65536})
    assert response.status_code == 413


async def test_the_operation_of_that_name_is_run(anonymous: httpx.AsyncClient) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    response = await post(anonymous, {"query": query, "operationName": "B"})
    assert response.json()["data"] == {"b": "Query"}


async def test_an_operation_of_a_name_that_is_not_there_is_refused(anonymous: httpx.AsyncClient) -> None:
    response = await post(anonymous, {"query": "query A { __typename }", "operationName": "B"})
    assert response.status_code == 400
    assert "data" not in response.json()


async def test_sizes_outgrow_32_bits(client: httpx.AsyncClient) -> None:
    query = 'mutation { requestUpload(input: {name: "a", size: 5000000000}) { file { size } } }'
    response = await post(client, {"query": query})
    assert response.json()["data"]["requestUpload"]["file"]["size"] == 5_000_000_000


def _doubling(fragments: int, *, is_cycle: bool = False) -> str:
    """A document in which each fragment spreads the next one twice."""
    texts = [f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1} __typename}}" for n in range(fragments)]
    last = f"fragment F{fragments} on Query{{{'...F0' if is_cycle else '__typename'}}}"
    return "{...F0}" + "".join(texts) + last


@pytest.mark.parametrize(
    "query",
    [
        "{" + " ".join(f"a{number}: __typename" for number in range(31)) + "}",
        "{" + " __typename" * 1001 + "}",
        "{ files" + " { edges { node" * 6 + " { id }" + " } }" * 6 + " }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        _doubling(20),
        _doubling(70),
        _doubling(70, is_cycle=True),
        "{" + " ".join(f"a{number}: __schema {{ types {{ name }} }}" for number in range(29)) + "}",
        "{ __schema { a: types { name } } }",
        "{ __schema { types { fields { type { fields { name } } } } } }",
    ],
    ids=[
        *("aliases", "tokens", "depth", "cycle", "20 doublings", "70 doublings", "70 doublings in a cycle"),
        *("many schemas", "aliases of the schema", "nested lists of the schema"),
    ],
)
async def test_an_operation_that_asks_for_too_much_is_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await post(client, {"query": query})
    assert response.status_code == 400
    assert "data" not in response.json()
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"invalid_input"}


async def test_introspection_fits_the_limits(anonymous: httpx.AsyncClient) -> None:
    query = get_introspection_query(input_value_deprecation=True, specified_by_url=True)
    response = await post(anonymous, {"query": query})
    assert response.status_code == 200
    assert "errors" not in response.json()


@pytest.mark.parametrize("query", ["{ files { edges { node { nme } } } }", "mutation { deleteFile }"])
async def test_without_a_token_a_document_is_not_validated(anonymous: httpx.AsyncClient, query: str) -> None:
    response = await post(anonymous, {"query": query})
    assert response.status_code == 401
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["unauthenticated"]


async def test_without_a_token_a_field_that_does_not_exist_is_named(anonymous: httpx.AsyncClient) -> None:
    response = await post(anonymous, {"query": "{ flies }"}, GRAPHQL_JSON)
    assert response.status_code == 400
    assert "flies" in response.text


async def test_an_answered_introspection_is_the_same_again(anonymous: httpx.AsyncClient) -> None:
    first, second = [await post(anonymous, {"query": get_introspection_query()}) for _ in range(2)]
    assert first.json() == second.json()


async def test_a_persisted_query_is_refused_so_that_clients_send_the_document(
    anonymous: httpx.AsyncClient,
) -> None:
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}
    response = await post(anonymous, body)
    assert response.status_code == 200
    [error] = response.json()["errors"]
    assert error["message"] == "PersistedQueryNotSupported"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"


async def test_a_batch_is_refused_in_the_words_of_apollos_servers(anonymous: httpx.AsyncClient) -> None:
    response = await post(anonymous, [{"query": "{ __typename }"}, {"query": "{ __typename }"}])
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "BATCHING_NOT_ENABLED"}


async def test_each_scalar_says_what_it_is(anonymous: httpx.AsyncClient) -> None:
    response = await post(anonymous, {"query": "{ __schema { types { kind name specifiedByURL } } }"})
    own = {
        each["name"]: each["specifiedByURL"]
        for each in response.json()["data"]["__schema"]["types"]
        if each["kind"] == "SCALAR" and each["name"] not in {"Int", "Float", "String", "Boolean", "ID"}
    }
    assert set(own) == {"BigInt", "Date", "DateTime"}
    assert all(url.startswith("https://www.rfc-editor.org/rfc/") for url in own.values())


async def test_an_empty_operation_name_is_none(anonymous: httpx.AsyncClient) -> None:
    response = await post(anonymous, {"query": "{ __typename }", "operationName": ""})
    assert response.json() == {"data": {"__typename": "Query"}}
