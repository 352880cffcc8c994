"""The schema, assembled."""

from graphql import GraphQLError
from strawberry import Schema
from strawberry.extensions import DisableIntrospection, MaxAliasesLimiter, QueryDepthLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graphql.known_documents import CheckDocument, KnownDocuments
from api.graphql.resolvers import Mutation, Query
from api.graphql.scalars import SCALARS

# The deepest honest query has five levels, the longest (introspection) some 300 tokens. Each alias is an
# operation of its own, so this is also how many of them one request can carry.
MAX_DEPTH = 10
MAX_TOKENS = 1000
MAX_ALIASES = 30


class WaybillSchema(Schema):
    """Leaves errors to the view, which knows an outcome from a defect; Strawberry would log both."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here."""

    @staticmethod
    def remove_field_suggestion(error: GraphQLError) -> None:
        """Take out what would tell of the schema: of arguments and types as well as of fields."""
        error.message = error.message.partition(" Did you mean ")[0]


def create_schema(*, introspection: bool = True) -> WaybillSchema:
    """The schema of the GraphQL face; without ``introspection`` it tells nothing of itself."""
    limits = [MaxAliasesLimiter(max_alias_count=MAX_ALIASES), QueryDepthLimiter(max_depth=MAX_DEPTH)]
    if not introspection:
        limits.append(DisableIntrospection())
    known = KnownDocuments(
        [rule for limit in limits for rule in limit.validation_rules], max_tokens=MAX_TOKENS
    )
    return WaybillSchema(
        query=Query,
        mutation=Mutation,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not introspection),
        extensions=[lambda: CheckDocument(known)],
    )
