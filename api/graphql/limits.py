"""Limits of a document: how deep it goes, and how much it can make the server do.

A fragment is measured once, however often it is spread: its size is multiplied, and it is not walked again. A
document of 1 KB can stand for 2 to the power of 30 fields.
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

#: The deepest honest query has five levels. Introspection has limits of its own.
MAX_DEPTH = 10

#: Each alias can be an operation of its own, so this is also how many of them one request can carry.
MAX_ALIASES = 30

#: The introspection query that tools send has 227 fields, and no other of theirs comes near that.
MAX_FIELDS = 500

#: Lists of the schema within lists of the schema, such as the fields of the types of fields. Each level
#: multiplies the answer; the introspection query of tools has one.
MAX_INTROSPECTION_LISTS = 1
_INTROSPECTION_LISTS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes", "enumValues"})


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection stands for once each fragment is put in the place of its spreads."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    schemas: int = 0
    schema_aliases: int = 0
    schema_lists: int = 0


def limit_errors(document: DocumentNode) -> list[GraphQLError]:
    """Return an error for each limit that an operation of a valid document exceeds.

    Args:
        document: has passed the specification's rules: without cycles and unknown fragments.
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
    """The sizes of the selections of one document. ``visits`` counts the selections that were looked at."""

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        self._fragments = {
            each.name.value: each.selection_set
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def of(self, selections: SelectionSetNode | None) -> _Size:
        """Return the size of a selection set; of none where a field has no selections."""
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
        raise TypeError(f"{selection!r} is no selection")

    def _of_field(self, field: FieldNode) -> _Size:
        name = field.name.value
        inner = self.of(field.selection_set)
        # Levels of introspection do not count, only its lists: types of types of types are no more work.
        is_of_schema = name.startswith("__")
        has_depth = field.selection_set is not None and not is_of_schema
        return _Size(
            depth=inner.depth + 1 if has_depth else 0,
            fields=inner.fields + 1,
            aliases=inner.aliases + (field.alias is not None),
            schemas=inner.schemas + (name == "__schema"),
            # What is below `__schema` and `__type`: each alias there repeats the whole answer.
            schema_aliases=inner.aliases if is_of_schema else inner.schema_aliases,
            schema_lists=inner.schema_lists + (name in _INTROSPECTION_LISTS),
        )
