"""The GraphQL reference, out of schema.graphql, which a test holds equal to what is served."""

from copy import deepcopy

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)

from docs.generators.markdown import README, anchor, blocks, code, table

SCHEMA = README.with_name("schema.graphql")

#: Characters of a line that fits beside the navigation.
WIDEST = 80


def render() -> str:
    """Queries, mutations and subscriptions, then the types by name."""
    schema = build_schema(SCHEMA.read_text("utf-8"))
    roots = {
        "Queries": schema.query_type,
        "Mutations": schema.mutation_type,
        "Subscriptions": schema.subscription_type,
    }
    operations = [
        blocks(f"## {title}", *(_operation(name, field) for name, field in root.fields.items()))
        for title, root in roots.items()
        if root is not None
    ]
    types = [
        _type(each)
        for _, each in sorted(schema.type_map.items())
        if each not in roots.values()
        and not is_introspection_type(each)
        and not is_specified_scalar_type(each)
    ]
    return blocks(*operations, "## Types", *types)


def _operation(name: str, field: GraphQLField) -> str:
    described = [(each, argument) for each, argument in field.args.items() if argument.description]
    return blocks(
        f"### {name} {{#operation-{anchor(name)}}}",
        field.description or "",
        f"```graphql\n{_signature(field)}\n```",
        table(
            ("argument", "meaning"),
            ((code(each), argument.description or "") for each, argument in described),
        ),
        f"Answers {_link(field.type)}.",
    )


def _signature(field: GraphQLField) -> str:
    """How a field is written, without what is told of it in words. Long ones an argument a line."""
    node = deepcopy(field.ast_node)
    assert node is not None  # noqa: S101  # the schema was read from a text
    for described in (node, *node.arguments):
        described.description = None
    written = print_ast(node)
    if len(written) <= WIDEST:
        return written
    arguments = "\n".join(f"  {print_ast(each)}" for each in node.arguments)
    return f"{node.name.value}(\n{arguments}\n): {print_ast(node.type)}"


def _type(each: GraphQLNamedType) -> str:
    kind, body = "", ""
    match each:
        case GraphQLEnumType():
            kind, body = "enum", ", ".join(map(code, each.values))
        case GraphQLScalarType():
            kind, body = "scalar", each.specified_by_url or ""
        case GraphQLObjectType() | GraphQLInputObjectType():
            kind = "input" if isinstance(each, GraphQLInputObjectType) else "type"
            rows = (
                (code(name), _link(field.type), field.description or "")
                for name, field in each.fields.items()
            )
            body = table(("field", "type", "meaning"), rows)
    return blocks(
        f"### {each.name} {{#type-{anchor(each.name)}}}", f"*{kind}.* {each.description or ''}", body
    )


def _link(kind: object) -> str:
    named = get_named_type(kind)  # type: ignore[call-overload]
    shown = str(kind)
    return code(shown) if is_specified_scalar_type(named) else f"[`{shown}`](#type-{anchor(named.name)})"
