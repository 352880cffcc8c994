"""Assemble the schema."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSchema
from strawberry import Schema
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext

from api.errors import INTERNAL_ERROR, extensions_of
from api.graphql.folders import FolderQuery
from api.graphql.known_documents import CheckDocument, KnownDocuments
from api.graphql.node_query import NodeQuery
from api.graphql.operations import OperationMutation, OperationQuery
from api.graphql.resolvers import Mutation, Query
from api.graphql.scalars import SCALARS
from api.graphql.subscriptions import Subscription
from api.graphql.webhooks import WebhookMutation, WebhookQuery
from api.operation_metrics import followed, measured
from api.requests import current_id
from waybill.platform.errors import WaybillError

log = structlog.get_logger(__name__)


class WaybillSchema(Schema):
    """Adds our code to every error."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Add a code to each error, and log defects. Strawberry would log all errors."""
        for error in errors:
            _give_code(error)

    @staticmethod
    def remove_field_suggestion(error: GraphQLError) -> None:
        """Remove suggestions of fields, arguments and types, because they reveal the schema."""
        error.message = error.message.partition(" Did you mean ")[0]


def _give_code(error: GraphQLError) -> None:
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        # An error of the request: syntax, validation, a value of the wrong type.
        error.extensions = {**(error.extensions or {}), "code": "invalid_input"}
    elif isinstance(cause, WaybillError):
        error.message = cause.message
        error.extensions = extensions_of(cause)
    else:
        log.error("unexpected error", path=error.path, exc_info=cause)
        error.message = INTERNAL_ERROR
        error.extensions = {"code": "internal_error", "requestId": current_id()}


def create_schema(*, introspection: bool = True) -> WaybillSchema:
    """Return the GraphQL schema. Without ``introspection`` clients cannot query its types."""
    known = KnownDocuments(introspection=introspection)
    schema = WaybillSchema(
        query=merge_types("Query", (Query, FolderQuery, OperationQuery, WebhookQuery, NodeQuery)),
        mutation=merge_types("Mutation", (Mutation, OperationMutation, WebhookMutation)),
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not introspection),
        extensions=[lambda: CheckDocument(known)],
    )
    _measure(schema._schema)  # no public twin
    return schema


def _measure(schema: GraphQLSchema) -> None:
    """Count and time each operation. Not a schema extension, because that would be called for each field."""
    assert schema.query_type and schema.mutation_type and schema.subscription_type  # noqa: S101, PT018
    for operations in (schema.query_type, schema.mutation_type):
        for name, field in operations.fields.items():
            field.resolve = _measured(name, field.resolve)
    for name, field in schema.subscription_type.fields.items():
        field.subscribe = _followed(name, field.subscribe)


def _measured(name: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: measured("graphql", name, resolve(*args, **kwargs))


def _followed(name: str, subscribe: Callable[..., Any]) -> Callable[..., Any]:
    async def begin(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        return followed("graphql", name, await subscribe(*args, **kwargs))

    return begin
