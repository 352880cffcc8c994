"""The GraphQL reference, out of schema.graphql, which a test holds equal to what is served."""

from graphql import (
    GraphQLArgument,
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
        f"```graphql\n{_signature(name, field)}\n```",
        table(
            ("argument", "meaning"),
            ((code(each), argument.description or "") for each, argument in described),
        ),
        f"Answers {_link(field.type)}.",
    )


def _signature(name: str, field: GraphQLField) -> str:
    """How a field is written; where that is long, an argument a line."""
    arguments = [f"{each}: {argument.type}{_default(argument)}" for each, argument in field.args.items()]
    written = f"{name}({', '.join(arguments)}): {field.type}" if arguments else f"{name}: {field.type}"
    if len(written) <= WIDEST:
        return written
    return "\n".join([f"{name}(", *(f"  {each}" for each in arguments), f"): {field.type}"])


def _default(argument: GraphQLArgument) -> str:
    node = argument.ast_node
    return "" if node is None or node.default_value is None else f" = {print_ast(node.default_value)}"


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
