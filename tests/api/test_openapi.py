"""The OpenAPI document."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from typer.testing import CliRunner

from api.errors import STATUS
from cli.main import app
from waybill.webhooks.model import PING, Event

OPERATIONS = {
    ("/files/upload-request", "post"): {
        *("200", "201", "401", "403", "409", "413", "415", "422", "429", "503"),
    },
    ("/files/batch/upload-request", "post"): {"200", "401", "413", "415", "422", "429", "503"},
    ("/files/batch/complete", "post"): {"200", "401", "413", "415", "422", "429", "503"},
    ("/files/batch/delete", "post"): {"200", "401", "413", "415", "422", "429", "503"},
    ("/usage", "get"): {"200", "401", "429", "503"},
    ("/files/events", "get"): {"200", "401", "404", "422", "429", "503"},
    ("/files/events/ticket", "post"): {"201", "401", "429", "503"},
    ("/usage/history", "get"): {"200", "401", "429", "503"},
    ("/files", "get"): {"200", "401", "422", "429", "503"},
    ("/files/{id}", "get"): {"200", "401", "404", "429", "503"},
    ("/files/{id}", "patch"): {
        *("200", "401", "404", "409", "412", "413", "415", "422", "429", "503"),
    },
    ("/files/{id}", "delete"): {"202", "401", "404", "429", "503"},
    ("/files/{id}/restore", "post"): {"200", "401", "403", "404", "409", "429", "503"},
    ("/files/{id}/upload-url", "post"): {"200", "401", "404", "409", "429", "503"},
    ("/files/{id}/parts", "post"): {"200", "401", "404", "409", "413", "415", "422", "429", "501", "503"},
    ("/files/{id}/parts", "get"): {"200", "401", "404", "409", "429", "501", "503"},
    ("/files/{id}/complete", "post"): {"200", "202", "401", "404", "409", "429", "501", "503"},
    ("/webhooks", "get"): {"200", "401", "429", "503"},
    ("/webhooks", "post"): {"201", "401", "409", "413", "415", "422", "429", "503"},
    ("/webhooks/{id}", "get"): {"200", "401", "404", "429", "503"},
    ("/webhooks/{id}", "patch"): {"200", "401", "404", "413", "415", "422", "429", "503"},
    ("/webhooks/{id}", "delete"): {"204", "401", "404", "429", "503"},
    ("/webhooks/{id}/secret", "post"): {"200", "401", "404", "429", "503"},
    ("/webhooks/{id}/ping", "post"): {"202", "401", "404", "409", "429", "503"},
    ("/webhooks/{id}/deliveries", "get"): {"200", "401", "404", "422", "429", "503"},
    ("/webhooks/{id}/deliveries/{deliveryId}/redeliver", "post"): {"202", "401", "404", "409", "429", "503"},
    ("/folders", "get"): {"200", "401", "422", "429", "503"},
    **{
        (f"/folders/{act}", "post"): {"202", "401", "409", "413", "415", "422", "429", "503"}
        for act in ("move", "delete")
    },
    ("/operations/{id}", "get"): {"200", "401", "404", "429", "503"},
    ("/files/{id}/download", "get"): {"200", "307", "401", "404", "409", "422", "429", "503"},
}


@pytest.fixture
async def document(anonymous: httpx.AsyncClient) -> dict[str, object]:
    response = await anonymous.get("/api/v1/openapi.json")
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


async def test_the_document_is_valid_openapi_3_1(document: dict[str, object]) -> None:
    assert str(document["openapi"]).startswith("3.1.")
    validate(document)


async def test_the_command_prints_the_document_that_is_served(document: Any) -> None:
    printed = CliRunner().invoke(app, ["openapi"])
    assert json.loads(printed.stdout) == document


def objects(part: Any) -> Iterator[Any]:
    """Every JSON object in a part of a document."""
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from objects(each)


async def test_each_component_is_used(document: Any) -> None:
    named = {str(each.get("$ref")) for each in objects(document)}
    assert {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} <= named
    # A model has one schema, and no copies of it.
    copies = [each["title"] for each in objects(document) if "properties" in each and "title" in each]
    assert len(copies) == len(set(copies))


async def test_nothing_optional_has_null_as_its_default(document: Any) -> None:
    assert [each for each in objects(document) if "default" in each and each["default"] is None] == []


async def test_only_known_formats_are_used(document: Any) -> None:
    """A validator in strict mode, as Ajv is, refuses a schema with any other."""
    formats = {each["format"] for each in objects(document) if isinstance(each.get("format"), str)}
    assert formats == {"date", "date-time", "uri", "uri-reference"}


async def test_bounds_are_keywords_of_json_schema(document: Any) -> None:
    """Pydantic writes its own names where a bound is of a union with null."""
    assert [each for each in objects(document) if each.keys() & {"ge", "gt", "le", "lt"}] == []


async def test_each_operation_has_a_name_and_a_summary(document: Any) -> None:
    operations = [
        operation
        for kind in ("paths", "webhooks")
        for methods in document[kind].values()
        for operation in methods.values()
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert "onFileCompleted" in names
    assert [operation for operation in operations if not operation.get("summary")] == []
    assert [tag for tag in document["tags"] if not tag.get("description")] == []
    used = {tag for methods in document["paths"].values() for one in methods.values() for tag in one["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}


async def test_each_example_is_valid_against_its_schema(document: Any) -> None:
    def problems(schema: Any, example: Any) -> list[str]:
        whole = {**schema, "components": document["components"]}
        checker = Draft202012Validator.FORMAT_CHECKER
        errors = Draft202012Validator(whole, format_checker=checker).iter_errors(example)
        return [f"{example!r}: {error.message}" for error in errors]

    found, count = [], 0
    for each in objects(document):
        if isinstance(each.get("examples"), dict):
            shown, schema = [example["value"] for example in each["examples"].values()], each["schema"]
        elif isinstance(each.get("examples"), list):
            shown, schema = each["examples"], each
        else:
            continue
        count += len(shown)
        found += [problem for example in shown for problem in problems(schema, example)]
    assert found == []
    assert count > 100


async def test_each_request_body_refuses_unknown_members(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                for content in operation["requestBody"]["content"].values():
                    name = content["schema"]["$ref"].rpartition("/")[2]
                    assert document["components"]["schemas"][name]["additionalProperties"] is False


async def test_each_operation_tells_all_its_answers(document: dict[str, Any]) -> None:
    paths = document["paths"]
    found = {
        (path, method): set(operation["responses"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert found == OPERATIONS


async def test_errors_are_problem_documents(document: dict[str, Any]) -> None:
    paths = document["paths"]
    for path, methods in paths.items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                kinds = set(answer.get("content", {}))
                if int(status) >= 400:
                    assert kinds == {"application/problem+json"}
                elif path == "/files/events":
                    assert kinds == {"text/event-stream"}
                elif status not in {"204", "307"}:
                    assert kinds == {"application/json"}


async def test_the_models_that_validate_are_the_models_that_are_shown(document: dict[str, Any]) -> None:
    draft = document["components"]["schemas"]["UploadRequest"]
    assert draft["additionalProperties"] is False
    assert draft["required"] == ["name", "size"]
    assert draft["properties"]["size"]["minimum"] == 0
    assert draft["properties"]["name"]["maxLength"] == 255


def refusals(document: Any) -> Iterator[tuple[int, Any]]:
    """Every error answer of every operation, with its status."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    yield int(status), answer


async def test_each_error_code_has_an_example(document: Any) -> None:
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(STATUS)
    for status, answer in refusals(document):
        content = answer["content"]["application/problem+json"]
        codes = content["schema"]["allOf"][1]["properties"]["code"]["enum"]
        assert list(content["examples"]) == codes
        for code, example in content["examples"].items():
            assert example["value"]["code"] == code
            assert example["value"]["status"] == status == STATUS[code]


async def test_headers_are_told(document: Any) -> None:
    expected = {401: {"WWW-Authenticate"}, 429: {"Retry-After"}, 503: {"Retry-After"}}
    for status, answer in refusals(document):
        assert set(answer["headers"]) == expected.get(status, set())
    requested = document["paths"]["/files/upload-request"]["post"]["responses"]["201"]
    downloaded = document["paths"]["/files/{id}/download"]["get"]["responses"]["307"]
    assert "Location" in requested["headers"]
    assert "Location" in downloaded["headers"]
    ticket = document["paths"]["/files/events/ticket"]["post"]["responses"]["201"]
    assert "headers" not in ticket


async def test_a_body_that_is_too_large_is_told_from_a_file_that_is(document: Any) -> None:
    answer = document["paths"]["/files/upload-request"]["post"]["responses"]["413"]
    codes = set(answer["content"]["application/problem+json"]["examples"])
    assert codes == {"file_too_large", "request_too_large"}


async def test_an_answer_with_a_file_leads_to_what_can_be_done_with_it(document: Any) -> None:
    requested = document["paths"]["/files/upload-request"]["post"]["responses"]["201"]
    assert set(requested["links"]) == {
        *("getFile", "completeUpload", "downloadFile", "deleteFile"),
        *("refreshUpload", "requestParts", "listParts", "restoreFile", "updateFile"),
    }
    assert requested["links"]["getFile"]["parameters"] == {"id": "$response.body#/file/id"}


async def test_what_is_sent_to_webhooks_is_told(document: Any) -> None:
    assert set(document["webhooks"]) == {*Event, PING}
    sent = document["webhooks"]["file.completed"]["post"]
    assert {parameter["name"] for parameter in sent["parameters"]} == {
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }
    message = sent["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert message["type"] == {"const": "file.completed"}
    assert message["data"] == {"$ref": "#/components/schemas/File"}


async def test_a_path_tells_what_an_id_is(document: Any) -> None:
    path = "/webhooks/{id}/deliveries/{deliveryId}/redeliver"
    webhook, delivery = document["paths"][path]["post"]["parameters"]
    assert webhook["description"] == "The webhook's id."
    assert delivery["schema"]["pattern"] == "^msg_[0-9a-f]{32}$"
    [parameter] = document["paths"]["/files/{id}"]["get"]["parameters"]
    assert parameter["description"]
    assert parameter["schema"]["pattern"] == "^[0-9a-f]{24}$"


async def test_a_query_has_no_null(document: Any) -> None:
    parameters = {one["name"]: one["schema"] for one in document["paths"]["/files"]["get"]["parameters"]}
    assert set(parameters) == {
        *("limit", "cursor", "status", "name", "q", "contentType", "createdAfter", "createdBefore"),
        *("minSize", "maxSize", "deleted", "folder", "recursive", "metadata", "sort", "order", "totalCount"),
    }
    for name in ("cursor", "name", "contentType", "createdAfter", "createdBefore"):
        assert parameters[name]["type"] == "string"
    for name, schema in parameters.items():
        assert "anyOf" not in schema
        assert ("default" in schema) == (
            name in {"limit", "status", "deleted", "recursive", "metadata", "sort", "totalCount"}
        )
    assert parameters["cursor"]["minLength"] == 1
    assert parameters["createdAfter"]["format"] == "date-time"
    assert parameters["maxSize"]["maximum"] == 2**53 - 1


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("holiday.jpg", True),
        ("... .", True),
        ("日本\u3000語", True),
        (".", False),
        ("..", False),
        (" \u3000\u00a0", False),
        ("a/b", False),
        ("a\\b", False),
        ("a\x00b", False),
        ("a\x85b", False),
        ("a\u2028b", False),
        ("gpj.\u202eexe", False),
    ],
    ids=ascii,
)
async def test_the_document_knows_which_names_are_good(
    document: Any, client: httpx.AsyncClient, name: str, good: bool
) -> None:
    rule = document["components"]["schemas"]["UploadRequest"]["properties"]["name"]
    assert (re.search(rule["pattern"], name) is not None and name not in rule["not"]["enum"]) == good
    response = await client.post("/api/v1/files/upload-request", json={"name": name, "size": 1})
    assert (response.status_code == 201) == good
