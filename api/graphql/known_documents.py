"""Parse and validate each document of clients once, because clients send the same few documents."""

import json
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    parse,
    specified_rules,
)
from strawberry.extensions import DisableIntrospection, SchemaExtension
from strawberry.schema.schema import validate_document

from api.graphql.limits import limit_errors
from waybill.platform.errors import WaybillError
from waybill.platform.metrics import count_request

#: The most cached documents; the least recently used one is dropped. The longest allowed document takes some
#: hundred kilobytes, a usual one ten.
MAX_KNOWN = 100

#: The most cached responses to introspection. One has about 80 KB.
MAX_INTROSPECTIONS = 10

#: The longest usual document, the introspection query of tools, has about 300 tokens.
MAX_TOKENS = 1000


class KnownDocuments:
    """Parses and validates documents, and caches the results by the document's text.

    Strawberry's own caches do not work with its limits, because each request creates a new rule, and the
    cache key contains the rule. They also hash the whole document for each comparison.
    """

    def __init__(self, *, introspection: bool) -> None:
        hidden = () if introspection else tuple(DisableIntrospection().validation_rules)
        self._rules = (*specified_rules, *hidden)
        self.introspections: dict[Hashable, Any] = {}
        self.parse: Callable[[str], DocumentNode] = lru_cache(MAX_KNOWN)(
            partial(parse, max_tokens=MAX_TOKENS)
        )
        self.problems = lru_cache(MAX_KNOWN)(self._problems)
        #: The operations of a document, which need a token. Introspection needs none, nor do unknown fields,
        #: whose error is the same for all callers.
        self.operations = lru_cache(MAX_KNOWN)(self._operations)

    def _problems(self, schema: GraphQLSchema, text: str) -> list[GraphQLError]:
        document = self.parse(text)
        # The specification's rules first: limits require that fragments exist and have no cycles.
        return validate_document(schema, document, self._rules) or limit_errors(document)

    def _operations(self, schema: GraphQLSchema, text: str) -> frozenset[str]:
        types = (schema.query_type, schema.mutation_type, schema.subscription_type)
        return root_fields(self.parse(text)) & {name for each in types if each for name in each.fields}


def root_fields(document: DocumentNode) -> frozenset[str]:
    """Return the names of the fields that a document's operations select at their root.

    Visits each fragment once, so it is safe before validation.
    """
    fragments = {
        each.name.value: each.selection_set
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    waiting = [
        each.selection_set for each in document.definitions if isinstance(each, OperationDefinitionNode)
    ]
    names: set[str] = set()
    while waiting:
        for selection in waiting.pop().selections:
            match selection:
                case FieldNode():
                    names.add(selection.name.value)
                case InlineFragmentNode():
                    waiting.append(selection.selection_set)
                case FragmentSpreadNode() if selection.name.value in fragments:
                    waiting.append(fragments.pop(selection.name.value))
    return frozenset(names)


class CheckDocument(SchemaExtension):
    """Parses and validates the document of one request with the cache.

    Also refuses a document with several operations and no operationName, as the GraphQL specification
    requires (6.1, GetOperation). Strawberry would run the first one.
    """

    def __init__(self, known: KnownDocuments) -> None:
        self._known = known

    def on_parse(self) -> Iterator[None]:
        """Set the document. Raises GraphQLError if it cannot be parsed or is too long."""
        text = self.execution_context.query
        if text:
            self.execution_context.graphql_document = self._known.parse(text)
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        """Set the errors of the document.

        Raises:
            Unauthenticated: the document needs a token, and there is no valid one. Checked before the
                document is validated, so that callers without a token cause no work.
        """
        context = self.execution_context
        schema, text, document = (
            context.schema._schema,
            context.query,
            context.graphql_document,
        )  # no public twin
        assert text is not None and document is not None  # noqa: S101, PT018  # parsed before
        asked = self._known.operations(schema, text)
        if asked:
            await self._check_caller(asked)
        problems = self._known.problems(schema, text)
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if not problems and len(operations) > 1 and context._provided_operation_name is None:
            message = "The document has several operations. Choose one with operationName."
            problems = [GraphQLError(message)]
        context.pre_execution_errors = problems
        yield

    def on_execute(self) -> Iterator[None]:
        """Answer a repeated introspection from the cache. The schema never changes."""
        context = self.execution_context
        schema, text, document = context.schema._schema, context.query, context.graphql_document
        assert text is not None and document is not None  # noqa: S101, PT018  # parsed before
        if "__schema" not in root_fields(document) or self._known.operations(schema, text):
            yield
            return
        key = text, context.operation_name, json.dumps(context.variables, sort_keys=True)
        answers = self._known.introspections
        context.result = answers.get(key)
        yield
        if context.result is not None and not context.result.errors:
            if len(answers) >= MAX_INTROSPECTIONS:
                answers.clear()
            answers[key] = context.result

    async def _check_caller(self, operations: frozenset[str]) -> None:
        began = perf_counter()
        try:
            await self.execution_context.context.caller()
        except WaybillError as error:
            # They are not executed, but must be counted.
            for operation in operations:
                count_request("graphql", operation, error.code, perf_counter() - began)
            raise
