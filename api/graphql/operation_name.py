"""A document of several operations must say which one to run."""

from collections.abc import Iterator

from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import PreExecutionError


class RequireOperationName(SchemaExtension):
    """Refuses to guess, as the GraphQL specification wants (6.1, GetOperation).

    Strawberry itself runs the first operation, which may not be the one that was meant.
    """

    def on_execute(self) -> Iterator[None]:
        """Answer in place of the execution where the operation is not clear."""
        context = self.execution_context
        definitions = context.graphql_document.definitions if context.graphql_document else ()
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        if len(operations) > 1 and context._provided_operation_name is None:  # no public twin
            message = "The document holds several operations: say by operationName which one to run."
            context.result = PreExecutionError(data=None, errors=[GraphQLError(message)])
        yield
