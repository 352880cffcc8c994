"""Documents that clients send: parsed and validated once, for they are the same few again and again."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

#: Documents that are remembered, the longest unused forgotten first. The longest that is allowed takes some
#: hundred kilobytes, an honest one ten.
MAX_KNOWN = 100


class KnownDocuments:
    """Parses and validates, and remembers what came of it by the document's text.

    Strawberry's own caches do not go together with its limits: each request makes a rule anew, and what a
    cache knows is of another rule. To compare two documents they hash the whole of them, too.
    """

    def __init__(self, rules: Sequence[type[ASTValidationRule]], *, max_tokens: int) -> None:
        self._rules = (*specified_rules, *rules)
        self.parse: Callable[[str], DocumentNode] = lru_cache(MAX_KNOWN)(
            partial(parse, max_tokens=max_tokens)
        )
        self.problems = lru_cache(MAX_KNOWN)(self._problems)

    def _problems(self, schema: GraphQLSchema, text: str) -> list[GraphQLError]:
        return validate_document(schema, self.parse(text), self._rules)


class CheckDocument(SchemaExtension):
    """Does for one request what Strawberry would do without remembering.

    Also refuses to guess which of several operations to run, as the GraphQL specification wants (6.1,
    GetOperation). Strawberry itself runs the first, which may not be the one that was meant.
    """

    def __init__(self, known: KnownDocuments) -> None:
        self._known = known

    def on_parse(self) -> Iterator[None]:
        """Set the document. Raises GraphQLError where it is none, or too long."""
        text = self.execution_context.query
        if text:
            self.execution_context.graphql_document = self._known.parse(text)
        yield

    def on_validate(self) -> Iterator[None]:
        """Set what is wrong with the document, if anything is."""
        context = self.execution_context
        schema, text, document = (
            context.schema._schema,
            context.query,
            context.graphql_document,
        )  # no public twin
        assert text is not None and document is not None  # noqa: S101, PT018  # parsed before
        problems = self._known.problems(schema, text)
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if not problems and len(operations) > 1 and context._provided_operation_name is None:
            message = "The document holds several operations: say by operationName which one to run."
            problems = [GraphQLError(message)]
        context.pre_execution_errors = problems
        yield
