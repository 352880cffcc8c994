"""The REST reference, out of the OpenAPI document that the API serves."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from api.rest.document import openapi
from api.rest.routes import PATHS
from docs.generators.markdown import anchor, blocks, code, table

Schema = Mapping[str, Any]

#: Longer ones are for validators, not for readers.
LONGEST_PATTERN = 40


@cache
def document() -> Schema:
    """The document."""
    return openapi(PATHS)


def render() -> str:
    """Every operation, then the bodies that go to and fro."""
    operations = [blocks("## Operations", *(_operation(*each) for each in _operations()))]
    schemas = document()["components"]["schemas"]
    bodies = [_schema(name, schemas[name]) for name in sorted(_reachable())]
    return blocks(*operations, "## Bodies", *bodies)


def codes_by_operation() -> dict[str, list[str]]:
    """The error codes of each operation, by its id."""
    return {
        described["operationId"]: [
            each for answer in described["responses"].values() for each in _codes(answer)
        ]
        for _, _, described in _operations()
    }


def _operations() -> Iterator[tuple[str, str, Schema]]:
    for path, methods in document()["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


def _operation(method: str, path: str, described: Schema) -> str:
    parameters = (
        (code(each["name"]), each["in"], _type(each["schema"]), _meaning(each))
        for each in described["parameters"]
    )
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    good = [
        f"**{status}**: {_answer(answer)}"
        for status, answer in described["responses"].items()
        if int(status) < 400
    ]
    codes = codes_by_operation()[described["operationId"]]
    return blocks(
        f"### {described['operationId']}",
        f"```http\n{method} {document()['servers'][0]['url']}{path}\n```",
        described.get("summary", ""),
        table(("parameter", "in", "type", "meaning"), parameters),
        f"Body: {_type(body)}." if body else "",
        "Answers " + "; ".join(good) + ".",
        "Errors: " + ", ".join(f"[`{each}`](errors.md#{each})" for each in codes) + ".",
    )


def _answer(answer: Schema) -> str:
    content = answer.get("content", {})
    kinds = [
        _type(described["schema"]) if kind == "application/json" else code(kind)
        for kind, described in content.items()
    ]
    headers = [f"with {code(name)}" for name in answer.get("headers", {})]
    return " ".join([*kinds, *headers]) or "no body"


def _codes(answer: Schema) -> list[str]:
    problem = answer.get("content", {}).get("application/problem+json", {})
    return list(problem.get("examples", {}))


def _schema(name: str, schema: Schema) -> str:
    if "enum" in schema:
        body = ", ".join(map(code, schema["enum"]))
    else:
        required = set(schema.get("required", ()))
        rows = (
            (code(each) + ("" if each in required else " (optional)"), _type(field), _meaning(field))
            for each, field in schema.get("properties", {}).items()
        )
        body = table(("member", "type", "meaning"), rows)
    return blocks(f"### {name} {{#body-{anchor(name)}}}", schema.get("description", ""), body)


def _meaning(described: Schema) -> str:
    text = str(described.get("description", ""))
    default = described.get("schema", described).get("default")
    if default in (None, [], ""):
        return text
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"{text} Default {code(shown)}.".strip()


def _type(schema: Schema) -> str:
    """A type in words: what it is, and what bounds it."""
    name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else schema.get("title")
    if "$ref" in schema or (name in document()["components"]["schemas"] and "properties" in schema):
        words = f"[{name}](#body-{anchor(str(name))})"
    elif "anyOf" in schema:
        words = " or ".join(_type(each) for each in schema["anyOf"])
    elif "const" in schema:
        words = code(schema["const"])
    else:
        words = _plain(schema)
    return words


def _plain(schema: Schema) -> str:
    match schema.get("type"):
        case "array":
            return "list of " + _type(schema["items"]) + _bounds(schema, "minItems", "maxItems", " items")
        case "object":
            values = schema.get("additionalProperties")
            return "map of " + _type(values) if isinstance(values, Mapping) else "object"
        case "string" if schema.get("format") == "date-time":
            return "time"
        case "string":
            pattern = schema.get("pattern", "")
            shown = f" {code(pattern)}" if pattern and len(pattern) <= LONGEST_PATTERN else ""
            return "string" + shown + _bounds(schema, "minLength", "maxLength", " characters")
        case kind:
            return str(kind) + _bounds(schema, "minimum", "maximum", "")


def _bounds(schema: Schema, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return ""
    if high is None:
        return f", {low}{unit} or more"
    return f", up to {high}{unit}" if low is None else f", {low} to {high}{unit}"


def _reachable() -> set[str]:
    """The schemas that bodies and answers are made of; those of queries and headers are parameters."""
    schemas = document()["components"]["schemas"]
    waiting = [described.get("requestBody", {}) for _, _, described in _operations()]
    waiting += [described["responses"] for _, _, described in _operations()]
    waiting += [parameter for _, _, described in _operations() for parameter in described["parameters"]]
    found: set[str] = set()
    while waiting:
        for name in _named(waiting.pop()):
            if name not in found and name in schemas:
                found.add(name)
                waiting.append(schemas[name])
    return found


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        if "properties" in part and isinstance(part.get("title"), str):
            yield part["title"]
        for each in part.values():
            yield from _named(each)
    elif isinstance(part, list):
        for each in part:
            yield from _named(each)
