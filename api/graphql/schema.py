"""The schema, assembled."""

from graphql import GraphQLError
from strawberry import Schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graphql.operation_name import RequireOperationName
from api.graphql.resolvers import Mutation, Query
from api.graphql.scalars import SCALARS


class WaybillSchema(Schema):
    """Leaves errors to the view, which knows an outcome from a defect; Strawberry would log both."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here."""


def create_schema() -> WaybillSchema:
    """The schema of the GraphQL face."""
    return WaybillSchema(
        query=Query,
        mutation=Mutation,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[RequireOperationName],
    )
