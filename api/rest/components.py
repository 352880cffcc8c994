"""Correct the schemas that Pydantic and Spectree write, so that generators of clients can use them."""

from collections.abc import Iterator
from typing import Any

_PREFIX = "#/components/schemas/"


def correct_schemas(document: dict[str, Any]) -> None:
    """Correct all schemas of an OpenAPI document, in place."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    for node in _objects(document):
        _remove_null_default(node)
    # From the outside in: a copy is gone before its own parts are looked at.
    for node in _objects([document["paths"], *(list(schema.values()) for schema in schemas.values())]):
        _refer(node, schemas)
    for name in schemas.keys() - _used(document, schemas):
        del schemas[name]


def _remove_null_default(node: dict[str, Any]) -> None:
    """Remove ``default: null``. openapi-typescript makes a property with a default required."""
    if "default" in node and node["default"] is None:
        del node["default"]


def _refer(node: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Replace a copy of a component by a reference. Pydantic copies what ``SkipValidation`` is given."""
    name = node.get("title")
    if isinstance(name, str) and node == schemas.get(name):
        node.clear()
        node["$ref"] = _PREFIX + name


def _used(document: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """Return the components that an operation refers to, also by way of another component.

    Spectree lists the models of queries and headers too, whose fields are parameters. openapi-python-client
    drops a component if the name of another, even an unused one, is the name that it gives to a part of it.
    """
    used: set[str] = set()
    waiting: list[Any] = [document["paths"], document.get("webhooks")]
    while waiting:
        for node in _objects(waiting.pop()):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference.startswith(_PREFIX):
                name = reference.removeprefix(_PREFIX)
                if name not in used:
                    used.add(name)
                    waiting.append(schemas[name])
    return used


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Return all JSON objects in a part of a document, the outer ones first."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _objects(each)
