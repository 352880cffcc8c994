"""Limits of a document: its depth, and the work that it can cause.

A fragment is measured once, and its size is added for each spread, because a document of 1 KB can expand to 2
to the power of 30 fields.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

#: The deepest usual query has five levels. Introspection has limits of its own.
MAX_DEPTH = 10

#: Each alias can be an operation, so this also limits the operations of one request.
MAX_ALIASES = 30

#: The introspection query of tools has 227 fields, more than their other queries.
MAX_FIELDS = 500

#: Lists of the schema within lists of the schema, such as the fields of the types of fields. Each level
#: multiplies the response. The introspection query of tools has one level.
MAX_INTROSPECTION_LISTS = 1
_INTROSPECTION_LISTS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes", "enumValues"})


@dataclass(frozen=True, slots=True)
class _Size:
    """The size of a selection after its fragments are expanded."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    schemas: int = 0
    schema_aliases: int = 0
    schema_lists: int = 0


def limit_errors(document: DocumentNode) -> list[GraphQLError]:
    """Return an error for each limit that an operation of a valid document exceeds.

    Args:
        document: a document that has passed the specification's rules, so it has no cycles or unknown
            fragments.
    """
    sizes = _Measure(document)
    return [
        GraphQLError(problem, [operation])
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for problem in _problems(sizes.of(operation.selection_set))
    ]


def _problems(size: _Size) -> Iterable[str]:
    if size.depth > MAX_DEPTH:
        yield f"The operation is more than {MAX_DEPTH} levels deep."
    if size.aliases > MAX_ALIASES:
        yield f"The operation has more than {MAX_ALIASES} aliases."
    if size.fields > MAX_FIELDS:
        yield f"The operation has more than {MAX_FIELDS} fields."
    if size.schemas > 1:
        yield "The operation selects __schema more than once."
    if size.schema_aliases:
        yield "The operation has aliases within __schema or __type."
    if size.schema_lists > MAX_INTROSPECTION_LISTS:
        yield "The operation nests lists of the schema within each other."


class _Measure:
    """The sizes of the selections of one document. ``visits`` counts the visited selections."""

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        self._fragments = {
            each.name.value: each.selection_set
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def of(self, selections: SelectionSetNode | None) -> _Size:
        """Return the size of a selection set, which is zero for None."""
        sizes = [self._of_selection(each) for each in selections.selections] if selections else []
        return _Size(
            depth=max((size.depth for size in sizes), default=0),
            fields=sum(size.fields for size in sizes),
            aliases=sum(size.aliases for size in sizes),
            schemas=sum(size.schemas for size in sizes),
            schema_aliases=sum(size.schema_aliases for size in sizes),
            schema_lists=max((size.schema_lists for size in sizes), default=0),
        )

    def _of_selection(self, selection: object) -> _Size:
        self.visits += 1
        match selection:
            case FieldNode():
                return self._of_field(selection)
            case FragmentSpreadNode():
                name = selection.name.value
                if name not in self._known:
                    self._known[name] = self.of(self._fragments[name])
                return self._known[name]
            case InlineFragmentNode():
                return self.of(selection.selection_set)
        raise TypeError(f"{selection!r} is not a selection")

    def _of_field(self, field: FieldNode) -> _Size:
        name = field.name.value
        inner = self.of(field.selection_set)
        # Of introspection only the lists count, not the levels, because types of types cause no more work.
        is_of_schema = name.startswith("__")
        has_depth = field.selection_set is not None and not is_of_schema
        return _Size(
            depth=inner.depth + 1 if has_depth else 0,
            fields=inner.fields + 1,
            aliases=inner.aliases + (field.alias is not None),
            schemas=inner.schemas + (name == "__schema"),
            # Aliases below `__schema` and `__type`: each repeats the whole response.
            schema_aliases=inner.aliases if is_of_schema else inner.schema_aliases,
            schema_lists=inner.schema_lists + (name in _INTROSPECTION_LISTS),
        )
